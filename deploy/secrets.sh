#!/bin/sh
# Writes random secrets for a new installation: sh deploy/secrets.sh > .env  (compose.yaml)
# or > deploy/kubernetes/example/secrets.env. Keep a copy of EUNGDAPSO_KEY apart from every backup: without it nobody
# can read what is kept.
set -eu
umask 077
hex() { openssl rand -hex "$1"; }
cat <<END
EUNGDAPSO_KEY=$(hex 32)
EUNGDAPSO_FORM_KEY=$(hex 32)
EUNGDAPSO_KAFKA_PASSWORD=$(hex 24)
EUNGDAPSO_CASES_PASSWORD=$(hex 24)
EUNGDAPSO_SEARCH_PASSWORD=$(hex 24)
EUNGDAPSO_S3_ACCESS_KEY=eungdapso
EUNGDAPSO_S3_SECRET_KEY=$(hex 24)
EUNGDAPSO_WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
END
# Those of providers are theirs to say; what is not set does not start and the rest runs.
cat <<END
# EUNGDAPSO_SMS_TOKEN=
# EUNGDAPSO_SMS_ACCOUNT_SID=
# EUNGDAPSO_EMAIL_PASSWORD=
END
