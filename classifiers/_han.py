"""Chinese or Japanese, where there is no kana: by characters that only one of them writes, and by words."""

from functools import lru_cache

from classifiers._text import phrases

# Any of the three may write so many characters alone, Koreans too.
_FEW = 4
# Words of grammar; Japanese writes them in kana.
_CHINESE = frozenset(
    "我你您他她们們的了吗嗎呢吧是不没沒这這那哪谁誰怎么麼什甚请請给給把被让讓很也都就还還个個要想能会會可以和跟在有为為"
)
# Also written by Japanese within words: say little alone.
_SHARED = frozenset("不的是可以想能会會要有在和他個為給被請誰都還")
_JAPANESE = phrases(
    """旅券|役所|区役所|市役所|届|書類|住民票|税金|粗大|廃棄|駐車|駐輪|違反|健康保険|国民|年金|郵便|番号|料金|予約|手続|申込|受付
    窓口|営業時間|定休日|休日|相談|通報|騒音|迷惑|引越|在留|外国人登録|免許|交付|無料|病院|切符|地下鉄|駅|落書|街灯|道路工事|故障中|修理|苦情
    要望|教室|図書館|保育園|幼稚園|小学校|結婚|離婚|出生|死亡|印鑑|証明書|戸籍|確定申告|罰金|警察署|消防署|大変|至急|本当|日本語|日本人"""
)


def han_language(text: str) -> tuple[str, float, str]:
    """Returns "zh" or "ja", how sure, and why, for a text whose East Asian letters are all Han characters."""
    characters = [character for character in text if "\u3400" <= character <= "\u9fff"]
    found = set(characters)
    grammar = found & _CHINESE
    if grammar - _SHARED or len(grammar) > 1:
        return "zh", 0.95, "Chinese words of grammar"
    simplified = sum(_written_in(c) == "zh" for c in characters)
    japanese = sum(_written_in(c) == "ja" for c in characters)
    if simplified != japanese:
        return ("zh", 0.95, "simplified characters") if simplified > japanese else ("ja", 0.9, "Japanese characters")
    if any(word in text for word in _JAPANESE):
        return "ja", 0.7, "Japanese words"
    return "zh", 0.7 if len(characters) > _FEW else 0.5, "Han characters"


@lru_cache(maxsize=8_192)
def _written_in(character: str) -> str:
    """Returns who alone writes this character: the national character sets tell; "" when several do."""
    japanese, mainland = _is_in(character, "shift_jis"), _is_in(character, "gb2312")
    if japanese == mainland or _is_in(character, "big5"):
        return ""
    return "ja" if japanese else "zh"


def _is_in(character: str, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
