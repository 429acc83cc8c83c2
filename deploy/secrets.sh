#!/bin/sh
# Writes random secrets for a new installation into a file that is not there yet, readable by its owner alone:
#   sh deploy/secrets.sh .env                                      (compose.yaml)
#   sh deploy/secrets.sh deploy/kubernetes/ours/secrets.env
# Keep a copy of EUNGDAPSO_KEY apart from every backup: without it nobody can read what is kept.
set -eu
umask 077

refuse() {
    echo "$1" >&2
    exit "$2"
}

# How, of how many bytes, and how long it then is.
random() {
    made=$(openssl rand "-$1" "$2") || refuse "openssl gives no random bytes; nothing was written. Look at its message" 1
    [ "${#made}" -eq "$3" ] || refuse "openssl gave ${#made} characters instead of $3; nothing was written" 1
    echo "$made"
}

[ $# -eq 1 ] && [ -n "$1" ] || refuse "Name the file that is to be written: sh deploy/secrets.sh .env" 2
# It may hold the only key to everything that is kept.
if [ -e "$1" ] || [ -L "$1" ]; then
    refuse "$1: is there already, perhaps with the only key; nothing was written. Name another file, or move it away" 1
fi
command -v openssl > /dev/null || refuse "openssl is not installed; nothing was written. Install it" 1

key=$(random hex 32 64)
form=$(random hex 32 64)
kafka=$(random hex 24 48)
cases=$(random hex 24 48)
search=$(random hex 24 48)
objects=$(random hex 24 48)
webhook=$(random base64 32 44)

# Whole or not at all, and never in the place of another: a link is refused where a file stands.
new="$1.$$"
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
# What is not set does not start and the rest runs; secrets of providers are theirs to say.
cat > "$new" <<END
EUNGDAPSO_KEY=$key
EUNGDAPSO_FORM_KEY=$form
EUNGDAPSO_KAFKA_PASSWORD=$kafka
EUNGDAPSO_CASES_PASSWORD=$cases
EUNGDAPSO_SEARCH_PASSWORD=$search
EUNGDAPSO_S3_ACCESS_KEY=eungdapso
EUNGDAPSO_S3_SECRET_KEY=$objects
EUNGDAPSO_WEBHOOK_SECRET=whsec_$webhook
# EUNGDAPSO_SMS_TOKEN=
# EUNGDAPSO_SMS_ACCOUNT_SID=
# EUNGDAPSO_EMAIL_PASSWORD=
# EUNGDAPSO_TELEGRAM_TOKEN=
# EUNGDAPSO_TELEGRAM_SECRET_TOKEN=
# EUNGDAPSO_FACEBOOK_APP_SECRET=
# EUNGDAPSO_FACEBOOK_VERIFY_TOKEN=
# EUNGDAPSO_FACEBOOK_PAGE_TOKEN=
# EUNGDAPSO_X_CONSUMER_SECRET=
# EUNGDAPSO_X_BEARER_TOKEN=
# EUNGDAPSO_KAKAO_SECRET=
# EUNGDAPSO_LINE_SECRET=
# EUNGDAPSO_LINE_TOKEN=
# EUNGDAPSO_OPEN311_KEY=
# EUNGDAPSO_IMAP_PASSWORD=
END
ln -- "$new" "$1"
