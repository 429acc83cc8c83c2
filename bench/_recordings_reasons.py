"""Why a mail that others recorded is read otherwise than Python reads it: looked at one by one."""

from collections.abc import Mapping

_ENCLOSED = "the words of an enclosed mail are read too; what is attached to that one stays in it"
_CUT_OFF = "the header breaks off in a line that is none and goes on; Python takes the rest for text"
_UTF8 = "its octets are UTF-8, though the label, or none, says otherwise; Python believes the label"
_LINKS = "addresses behind links are kept in the text"
_UNREAD = "Python does not know the character set and reads nothing"
_BOUNDARY = "Python does not take the boundary, which is not quoted as it should be, and reads nothing"
_RUSSIAN = "the line that introduces the quotation, in Russian, stays in the text"
_PASSED_ON = "passed on: what is forwarded is what the sender wants to be read"

REASONS: Mapping[str, str] = {
    "attachment_message_rfc822.eml": _ENCLOSED,
    "attachment_message_rfc822_inline_image.eml": _ENCLOSED,
    "embedded_email.eml": _ENCLOSED,
    "embedded_email_without_content_disposition.eml": _ENCLOSED,
    "four_nested_emails.eml": _ENCLOSED,
    "nestes_embedded_with_attachment.eml": _ENCLOSED,
    "pec.eml": _ENCLOSED,
    "attachment_pdf_non_ascii.eml": _UTF8,
    "attachment_pdf_non_ascii_lf.eml": _UTF8,
    "content_transfer_encoding_7-bit.eml": _UTF8,
    "content_transfer_encoding_plain.eml": _UTF8,
    "raw_email5.eml": _UTF8,
    "raw_email6.eml": _UTF8,
    "content_transfer_encoding_empty.eml": "the recording is damaged: its Big5 octets were written anew as UTF-8",
    "content_transfer_encoding_text-html.eml": _LINKS,
    "content_transfer_encoding_with_8bits.eml": _LINKS,
    "raw_email10.eml": _UNREAD,
    "gbk_charset.eml": _UNREAD,
    "raw_email_bad_time.eml": f"{_BOUNDARY}; the year 3609 is as it stands there",
    "raw_email_with_illegal_boundary.eml": _BOUNDARY,
    "raw_email_incorrect_header.eml": _CUT_OFF,
    "issue-40.eml": _CUT_OFF,
    "example13.eml": "blanks and comments within an id are not understood: one is made from the mail",
    "mix_caps_content_type.eml": "the address stands there without brackets; Python takes name and address together",
    "raw_email_double_at_in_header.eml": "an id with two @ is taken whole; Python cuts it",
    "raw_email_multiple_from.eml": "two addresses without a comma: the first one is taken; Python takes both together",
    "utf8_headers.eml": "an address in UTF-8, as RFC 6532 has it; Python reads replacement characters",
    "issue-462.eml": "From holds no address: whoever brought it is the sender",
    "boolean_decoded_content.eml": "damaged base64: what can be decoded is kept; Python keeps the letters",
    "attachment_with_base64_encoded_name.eml": _PASSED_ON,
    "attachment_with_encoded_name.eml": _PASSED_ON,
    "raw_email2.eml": _PASSED_ON,
    "raw_email8.eml": _PASSED_ON,
    "issue-348.eml": "nothing but a quotation is in it, so it is kept",
    "outlook.eml": "nothing says that it is a reply, so the copied mail is kept",
    "report_422.eml": "a delivery report: its text is kept as it is",
    "report_530.eml": "a delivery report: its text is kept as it is",
    "email_long_quote.txt": "of 767,000 characters the first 41,000 are kept; lines of quotation marks are cut",
    "windows_mail.html": "the copied header, in Russian, is not known: the quotation stays",
    "android.eml": _RUSSIAN,
    "mail_ru.html": _RUSSIAN,
    "yandex_ru.html": _RUSSIAN,
}
