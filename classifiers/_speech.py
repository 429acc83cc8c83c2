"""What a text does: asks for action, asks a question, or tells; and whether it speaks of one concrete place."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from classifiers._orders import ordered, tells
from classifiers._text import Hit, Lexicon, Reading, phrases

Act = Literal["demand", "question", "statement"]

# "알려주세요" is a question and has "주세요" in it: the longest phrase takes the place.
_QUESTIONS = phrases(
    """
    어디|언제|어떻게|어떡|어떤|얼마|몇시|몇 일|며칠|몇살|몇 번|몇 개|무엇|뭔가요|뭐예요|뭐에요|뭔지|뭘|누구|누가
    어느|무슨|인가요|나요|은가요|는가요|을까요|할까요|될까요|있을까|습니까|입니까|됩니까|합니까|되나|하나요|있나
    없나요|건가요
    는지|인지|한지|은지|될지|할지|가능한가|가능할까|가능해요|하면 되|해야 하|해야 되|해도 되|가도 되
    알려주|알려줘|알려줄|알려달라|가르쳐|설명해주|설명 좀|안내해주|안내 좀|안내 부탁|안내 바랍|답변해주|답변 부탁
    답변 바랍|답변주|답변 좀|말씀해주|문의드|문의합|문의해|문의 좀|궁금|알고 싶|알 수 있|질문|여쭤|여쭙
    조회|방법 좀|방법을|하는 법|받는 법|한가요|던가요|는지요|인지요|뭐죠|뭐지|뭔데|뭡니까|뭐였|뭐임|어딘가|어딘지
    얼마죠|얼마임|언제죠|며칠이죠|건지|모르겠|몰라서|남유|뭐가|무얼|하는가|되는가|있는가|번호 부탁|연락처 부탁
    방법 부탁|위치 부탁|링크 부탁|갈켜|갈쳐|는교|인교|능교|는감|래유|어케|우째
    워디|어데|나여|나욤|까여|까욤|되여
    맞죠|맞아요|맞나|맞습니까|아닌가요|아니에요|아닌지|어때요|어떤지|얼만|언젠지|몇살|몇 시|몇 월|몇 미터|몇 층|됨
    가능해
    """
)
_DEMANDS = phrases(
    """
    해주세요|해주십시오|해주시기|해주시길|해주셨으면|해줘|해주라|해주셔|해주실|해달라|해라|주세요|주십시오|주시기
    주시길
    주셨으면|주면 좋겠|주시면 감사|달라고|바랍니다|바라요|바라겠|부탁드립니다|부탁드려|부탁합니다|부탁해요|부탁드리
    민원 넣|민원을 넣|민원 제기|민원을 제기|민원 접수합|신고합니다|신고드|고발합|제보합
    단속 좀|단속하라|단속 바|조치해|조치 좀|조치 바|처리 좀|처리 바|고쳐줘|철거 바|요청합니다|요청드|요청해요
    요구합|촉구|개선 바|살려주|도와주|줬으면|줄 것을|주시기를|주기를 바|주십사|주라고|시켜줘|시켜 줘
    합시다|읍시다|셔야죠|셔야지|해야죠|줘요|줘라|줄래|주라|주길|부탁이|부탁요|제발|당장|하라고요
    켜라고|치우라고|막으라고|지키라고|건의합|건의드|건의해|주셈|주세여|주삼
    """
)
# With a question word beside them these are part of the question: "어디서 수거해 가나요".
_WISHES = phrases(
    """
    시정|항의|신고해요|단속을 하|단속해|조치를|처리해|치워|고쳐|없애|철거해|정비해|수거해|개선해|출동|점검해|보수해
    복구해|설치해|교체해|필요합니다|필요해요|필요해 보|필요할 것 같|사과받|사과하|요망|원합니다|원해요|희망합
    대책|해결|강화|늘려|만들어|하십시오|하시오|해야 합니다|해야 됩니다|해야 된다|못하게|없게|않게|않도록|되도록|신속
    빠른 조치
    """
)
# Whoever asks whether something can be done for them wants it done: "막아 주실 수 없나요".
_REQUESTS = phrases(
    """
    주실 수 있|주실 수 없|주실 수는|주실 순|주시면 안|주면 안 되|주면 안될|주면 안돼|줄 수 없|줄 수 있
    줄 수는 없|주시면 좋겠|주시겠|주실래|주실 생각
    """
)
# Thanks for what was done, and tales of what one did, want nothing.
_PAST = phrases(
    """
    덕분에|칭찬하|칭찬드|칭찬합|도와주신|해주신|해결되었|해결됐|해결돼서|처리됐|처리되었|고쳐졌|고쳐 주셨|고쳐주셨
    치워 주셨|치워주셨|감사했|고마웠|주셔서 잘|주셔서 감사|주셔서 고맙|줘서 고맙
    줘서 감사|주신 덕분|민원 넣은|민원을 넣은|민원 넣었|민원을 넣었
    """
)
# "왜 안 치우나요?" has the form of a question and is none.
_COMPLAINTS = phrases(
    """
    왜 안|왜 이렇게|왜 아직|왜 맨날|왜 자꾸|왜 방치|왜 올|왜 매번|왜 그렇게|도대체|언제까지 방치|언제까지 기다
    언제까지 참|뭐하는|뭐하고|단속 안 하|단속을 안|안 치우|안 고치|장난하|말이 됩니까|말이 되나요
    왜 우리|왜 여기만|왜 계속|왜 또|왜 못|왜 그냥|왜 놔두|왜 내버려|왜 처리|왜 단속|왜 답|왜 연락|왜 가만
    대체 언제|대체 왜|대체 뭐|아직도 그대로|아직 그대로
    언젠데|여태|어떻게 좀|어떻게 해봐|어떻게 해 봐|어떻게든|언제 조치|언제 고쳐|언제 해결|하실 겁니까|할 겁니까
    할겁니까|하실겁니까|줄 겁니까|줄겁니까|누가 책임|책임질|하긴 할|하기는 할
    오기는 할|보기는 할|오긴 할|보긴 할|할 생각|할 의지|고칠 생각|치울 생각
    손 놓고|뒷짐|나 몰라라|두 손 놓|눈 뜨고|방치할|방치하실|방치하시|가만히 계|보고만|지켜만|기다리기만|그냥 두실
    그냥 둘 건|두고만 보|내버려 두실|너무하|해도 해도|몇 번을 말|몇 번째
    """
)
_ENGLISH_QUESTIONS = phrases("what|where|when|how|which|who|can i|could i|may i|do i|is there|are there|is it|tell me")
_ENGLISH_DEMANDS = phrases(
    """
    please fix|please remove|please clean|please crack|please enforce|please do something|please stop|please repair
    please tow|please take|please send|i want to complain|complaint about
    """
)
_PLACE = re.compile(
    r"(?:우리|저희|제|내)\s?(?:집|동네|아파트|건물|빌라|가게|골목|상가|단지)|집\s?앞|집\s?옆|집\s?근처"
    r"|[가-힣]{1,5}(?:대로|로|길)\s?\d|\d{1,4}-\d{1,4}\b|\d{1,4}\s?번지|\d\s?번\s?출구|사거리|삼거리|골목"
    r"|[가-힣]{2,8}(?:학교|아파트|시장|역|마트|빌딩|타워|교회|병원|빌라|어린이집)\s?(?:앞|옆|뒤|근처|정문|후문|입구|건너)"
    r"|[가-힣]{1,4}구\s?[가-힣]{1,5}\d{0,2}동|여기|이곳|이 앞|바로 앞|저기"
)
_CACHED_CHARACTERS = 2_000
_QUESTION, _DEMAND, _WISH, _COMPLAINT, _REQUEST, _DONE = range(6)


class Speech(NamedTuple):
    """`confidence` and `lead` as in a finding; `word` is what it rests on; `place` a concrete place, "" for none."""

    act: Act
    confidence: float
    lead: float
    word: str
    place: str


@lru_cache(maxsize=1)
def _korean() -> Lexicon:
    tables = (_QUESTIONS, _DEMANDS, _WISHES, _COMPLAINTS, _REQUESTS, _PAST)
    return Lexicon(((phrase, code) for code, table in enumerate(tables) for phrase in table), longest=True)


@lru_cache(maxsize=1)
def _english() -> Lexicon:
    tables = (_ENGLISH_QUESTIONS, _ENGLISH_DEMANDS)
    return Lexicon(((phrase, code) for code, table in enumerate(tables) for phrase in table), longest=True)


def speech_of(reading: Reading) -> Speech:
    """Returns what the text does. The last speech act is what the writer is after."""
    return _cached(reading) if len(reading.tight) <= _CACHED_CHARACTERS else _speech(reading)


def _speech(reading: Reading) -> Speech:
    place = match.group() if (match := _PLACE.search(reading.spaced)) else ""
    if reading.spaced.isascii():
        hits = [hit for hit in _english().hits(reading) if hit.at_word]
    else:
        hits = _korean().hits(reading)
    return _wanted(reading, hits, place) or _asked(reading, hits, place)


def _wanted(reading: Reading, hits: list[Hit], place: str) -> Speech | None:
    """Returns what is done by words that leave no doubt, None where there are none."""
    asks = "?" in reading.spaced
    complaints = [hit for hit in hits if hit.entry == _COMPLAINT]
    past = [hit for hit in hits if hit.entry == _DONE]
    is_told = not complaints and not asks and not ordered(reading.spaced, asks=True)
    if past and (is_told or hits[-1].entry == _DONE):
        return Speech("statement", 0.8, 0.5, past[-1].phrase, place)
    if complaints:
        return Speech("demand", 0.8, 0.5, complaints[-1].phrase, place)
    if requests := [hit for hit in hits if hit.entry == _REQUEST]:
        return Speech("demand", 0.85, 0.6, requests[-1].phrase, place)
    if order := ordered(reading.spaced, asks=asks or bool(_questions(reading, hits))):
        return Speech("demand", 0.85, 0.6, order, place)
    return None


def _asked(reading: Reading, hits: list[Hit], place: str) -> Speech:
    asked, questions = "?" in reading.spaced, _questions(reading, hits)
    wishes = (_DEMAND,) if (questions or asked) and not place else (_DEMAND, _WISH)
    if demands := [hit for hit in hits if hit.entry in wishes]:
        return _demand(demands, questions, place, asked=asked)
    if questions:
        return Speech("question", 0.95, 0.9, questions[-1].phrase, place)
    if asked:
        return Speech("question", 0.75, 0.5, "?", place)
    return Speech("statement", 0.6, 0.2, "neither a request nor a question", place)


def _questions(reading: Reading, hits: list[Hit]) -> list[Hit]:
    is_told = "?" not in reading.spaced and tells(reading.spaced)
    return [hit for hit in hits if hit.entry == _QUESTION and not (is_told and hit.phrase == "나요")]


_cached = lru_cache(maxsize=1024)(_speech)


def _demand(demands: list[Hit], questions: list[Hit], place: str, *, asked: bool) -> Speech:
    word = demands[-1].phrase
    if not questions and not asked:
        return Speech("demand", 0.95, 0.9, word, place)
    if place:
        return Speech("demand", 0.85, 0.6, word, place)
    if questions and questions[-1].end > demands[-1].end:
        return Speech("question", 0.6, 0.15, questions[-1].phrase, place)
    return Speech("demand", 0.6, 0.15, word, place)
