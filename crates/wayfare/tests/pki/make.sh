#!/bin/sh
# Makes an authority and certificates that are good or bad in one way each, in the folder given.
# Usage: make.sh FOLDER PORT-OF-THE-RESPONDER
set -eu
cd "$1"

cat > openssl.cnf <<'X'
openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
CipherString = DEFAULT:@SECLEVEL=0
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
default_crl_days = 3650
crlnumber = crlnumber
crl_extensions = list
[any]
commonName = supplied
[list]
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
[leaf]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
[middle]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
[X]
X
export OPENSSL_CONF=$PWD/openssl.cnf
: > index
echo 01 > crlnumber

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

root() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# sign NAME COMMON-NAME EXTENSIONS AUTHORITY FROM UNTIL [DIGEST]
sign() {
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf '%b\n' "$3" > "$1.ext"
    openssl ca -batch -notext -config openssl.cnf -in "$1.csr" -cert "$4.pem" -keyfile "$4.key" \
        -extfile "$1.ext" -startdate "$5" -enddate "$6" -md "${7:-sha256}" -out "$1.pem" 2>/dev/null
}

BEGAN=20200101000000Z
ENDED=20210101000000Z
FAR=20450101000000Z
LATER=20440101000000Z
SERVER='basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName='
AUTHORITY='basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign'

root ca "Good Authority"
root other "Other Authority"
key middle; sign middle "Middle" "$AUTHORITY" ca $BEGAN $FAR
key late; sign late "Late Middle" "$AUTHORITY" ca $BEGAN $ENDED
key narrow
sign narrow "Narrow" "$AUTHORITY\nnameConstraints=critical,permitted;DNS:elsewhere.test" ca $BEGAN $FAR

leaf() { key "$1"; sign "$1" "$1.test" "$SERVER$2" "$3" "$4" "$5"; }
leaf good DNS:good.test ca $BEGAN $FAR
leaf expired DNS:expired.test ca $BEGAN $ENDED
leaf notyet DNS:notyet.test ca $LATER $FAR
leaf wrongname DNS:right.test ca $BEGAN $FAR
leaf untrusted DNS:untrusted.test other $BEGAN $FAR
leaf everything DNS:nothing.test other $BEGAN $ENDED
leaf incomplete DNS:incomplete.test middle $BEGAN $FAR
leaf complete DNS:complete.test middle $BEGAN $FAR
leaf latechain DNS:latechain.test late $BEGAN $FAR
leaf constrained DNS:constrained.test narrow $BEGAN $FAR
leaf wildcard 'DNS:*.wild.test' ca $BEGAN $FAR
leaf ipwild 'DNS:*.0.0.1' ca $BEGAN $FAR
leaf halfwild 'DNS:x*.test' ca $BEGAN $FAR
leaf urisan 'URI:http://x/,DNS:good.test' ca $BEGAN $FAR
leaf otherstaple DNS:otherstaple.test ca $BEGAN $FAR
leaf revoked DNS:revoked.test ca $BEGAN $FAR
leaf stapled DNS:stapled.test ca $BEGAN $FAR
leaf stapledbad DNS:stapledbad.test ca $BEGAN $FAR
leaf stapledfalse DNS:stapledfalse.test ca $BEGAN $FAR
leaf clients DNS:clients.test ca $BEGAN $FAR
leaf old DNS:old.test ca $BEGAN $FAR
leaf new DNS:new.test ca $BEGAN $FAR
key fetched
sign fetched fetched.test "${SERVER}DNS:fetched.test\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:$2/" ca $BEGAN $FAR
key fetchedbad
sign fetchedbad fetchedbad.test \
    "${SERVER}DNS:fetchedbad.test\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:$2/" ca $BEGAN $FAR
key fetchednone
sign fetchednone fetchednone.test \
    "${SERVER}DNS:fetchednone.test\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:9/" ca $BEGAN $FAR
key muststaple
sign muststaple muststaple.test "${SERVER}DNS:muststaple.test\ntlsfeature=status_request" ca $BEGAN $FAR
key purpose
sign purpose purpose.test \
    'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\nsubjectAltName=DNS:purpose.test' \
    ca $BEGAN $FAR
key caleaf
sign caleaf caleaf.test \
    'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\nsubjectAltName=DNS:caleaf.test' \
    ca $BEGAN $FAR
openssl genrsa -out weak.key 1024 2>/dev/null
sign weak weak.test "${SERVER}DNS:weak.test" ca $BEGAN $FAR
openssl genrsa -out rsaca.key 2048 2>/dev/null
openssl req -x509 -new -key rsaca.key -sha256 -days 3650 -subj "/CN=RSA Authority" -out rsaca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
key sha1; sign sha1 sha1.test "${SERVER}DNS:sha1.test" rsaca $BEGAN $FAR sha1
key selfsigned
openssl req -x509 -new -key selfsigned.key -sha256 -days 3650 -subj /CN=selfsigned.test \
    -out selfsigned.pem -addext subjectAltName=DNS:selfsigned.test \
    -addext basicConstraints=critical,CA:FALSE
# A certificate of one's own, with somebody else's shown beside it.
cp selfsigned.key beside.key
cat selfsigned.pem good.pem > beside.pem
cat complete.pem middle.pem > x && mv x complete.pem
cat latechain.pem late.pem > x && mv x latechain.pem
cat constrained.pem narrow.pem > x && mv x constrained.pem
cat untrusted.pem other.pem > x && mv x untrusted.pem

key client
sign client "A Client" 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth' ca $BEGAN $FAR
openssl pkcs8 -topk8 -in client.key -v2 aes-256-cbc -passout pass:secret -out client-sealed.key

# What is revoked, in a list and in stapled answers.
first() { openssl x509 -in "$1.pem" -out "$1.one"; }
for name in revoked stapledbad fetchedbad; do
    first $name
    openssl ca -config openssl.cnf -cert ca.pem -keyfile ca.key -revoke $name.one 2>/dev/null
done
openssl ca -config openssl.cnf -cert ca.pem -keyfile ca.key -gencrl -out ca.crl 2>/dev/null
answer() {
    first "$1"
    openssl ocsp -issuer ca.pem -cert "$1.one" -no_nonce -reqout "$1.req" >/dev/null 2>&1
    openssl ocsp -index index -CA ca.pem -rsigner "$2.pem" -rkey "$2.key" -reqin "$1.req" \
        -respout "$1.ocsp" -ndays 3000 >/dev/null 2>&1
}
answer stapled ca
answer stapledbad ca
answer stapledfalse other
