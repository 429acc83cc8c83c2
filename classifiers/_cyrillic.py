"""Mongolian or another language in Cyrillic letters: by how words are spelt."""

import re
from collections.abc import Sequence


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Kazakh, Kyrgyz, Tatar, Bashkir and Ukrainian share ө, ү or more with Mongolian, these letters not.
_ELSEWHERE = re.compile(r"[ңқғәһұіҡҙҫәїєўђћљњџѓќ]")
_OWN = re.compile(r"[өү]")
# Mongolian writes э where others write е after a consonant, long vowels double, and no щ.
_RUSSIAN = re.compile(
    r"[бвгджзклмнпрстфхцчшщ]е|щ|[бвгджзклмнпрстф][яю]|ть\b|тьс|[оеё]го\b|[ыи]х\b|[ыио]й\b|[аяо]я\b|ств|ы[мйе]|[ое]в\b|ск|пр|ъ[её]|вы|сь\b|[бвгджзкмнпрстф]ь"
)
_TURKIC = re.compile(
    r"[бвгджзклмнпрстш]е|лар|лер|дар\b|дер\b|тар\b|тер\b|мен\b|ді\b|ген\b|ған\b|ып\b|уп\b|еді|ады\b|еди\b|бай\b|[кт]оо|[лрнт]уу|[йқ]ы|ыш|кы|ты\b|ды\b|сы\b|ры[нлмк]|лы[кг]|ыл|[бм][өа]й\b|лөр|[дт][өо]г[үу]|атат\b|ысы\b"
)
_MONGOLIAN = re.compile(
    r"аа|оо|уу|ээ|өө|үү|[ау]й|[^\W_]э[йгнлрсдтхвмчжшзб]|хг|гч\b|лт\b|[аэоө]х\b|ийн\b|ийг\b|[нгдлрсвт]ын\b|ыг\b|[тд]ай\b|[аэоө]д\b|[аэоө]г\b|х[нрлтш]|[бвглрнм]ж\b|цг|йх|йг|гд"
    r"|вч|лг|рх|лх|цэ|дч|рч|лч|рг|лж|рж|[аэоө]в\b|ны\b|ий\b|бн|жээ|лаа|чих|гүй|н[дт]\b|нхн|хч|сг|[аэоө]н\b|мж|нг|ор|лл?а\b"
)
_MONGOLIAN_WORDS = _table(
    """
    би та тэр энэ бид тэд вэ бэ уу үү юу хэн хаана хаанаас хэзээ яаж хэд хэдэн яагаад ямар сайн байна баярлалаа
    баяртай уучлаарай за тийм үгүй хог утас хаяг болно болох болов авах хийх өгөх явах манай миний таны надад монгол
    монголоор солонгос сөүл хэрэгтэй хэрэг гэж гэсэн бол бас ба юм дээр доор өнөөдөр маргааш өчигдөр одоо машин
    зогсоол гомдол санал гэмтсэн эвдэрсэн ажиллахгүй тусламж туслаач тусална хүсэлт мэдүүлэх бүртгэл бүртгүүлэх
    төлбөр торгууль гэрэл гудамж зам чимээ
    """
)
_OTHER_WORDS = _table(
    """
    и в не на я что с как это по но у к из за от где когда почему сколько можно нужно мне вы мы он она они для до
    или есть был здравствуйте привет спасибо пожалуйста помогите добрый день получить мусор менен керек кайсы кайда
    болот кайдан кайдасы жардам сураныч жатат жатам саламатсызбы мага сизге алып узартса узартуу эмне кантип жерде
    жана бар жок сиз биз салам рахмат бул бир бойынша болады және немесе үшін үчүн осы сәлем туралы болса
    """
)


# Before Unicode Mongolian fonts put ө and ү in the places of these.
_OLD_FONTS = str.maketrans("єї", "өү")


def leaning(words: Sequence[str]) -> float:
    """Returns how much the spelling speaks for Mongolian: above 0 for it, below 0 against it."""
    text = " ".join(words)
    if "і" not in text:
        text = text.translate(_OLD_FONTS)
    if _ELSEWHERE.search(text):
        return -20.0
    own, others = (sum(word in table for word in words) for table in (_MONGOLIAN_WORDS, _OTHER_WORDS))
    for_it = len(_MONGOLIAN.findall(text)) + 3 * own
    # Nobody but Turkic peoples and Mongols writes ө and ү: who writes е behind a consonant is none of the latter.
    has_own = _OWN.search(text) is not None
    against = 1.5 * len((_TURKIC if has_own else _RUSSIAN).findall(text)) + 3 * others
    return for_it - against + 2 * has_own
