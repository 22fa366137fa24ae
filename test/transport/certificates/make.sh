#!/usr/bin/env bash
# How the certificates beside this file were made, once, with OpenSSL 3: two authorities, a server of each, and two clients
# of the first. Valid until 2126, for tests on loopback alone; the keys are public. Tests only read the files.
set -euo pipefail
cd "$(dirname "$0")"
authority() { # name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=test authority $1" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -keyout "$1-ca.key" -out "$1-ca.pem"
}
issue() { # authority, name, extension
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr"
  openssl x509 -req -in "$2.csr" -CA "$1-ca.pem" -CAkey "$1-ca.key" -days 36500 -extfile <(echo "$3") -out "$2.pem"
  rm "$2.csr"
}
authority one
authority two
issue one server "subjectAltName=DNS:crm.example,DNS:billing.example,IP:127.0.0.1"
issue two stranger "subjectAltName=DNS:crm.example,DNS:billing.example,IP:127.0.0.1"
issue one crm-client "extendedKeyUsage=clientAuth"
issue one billing-client "extendedKeyUsage=clientAuth"
openssl ec -aes256 -passout pass:open-sesame -in billing-client.key -out billing-client.encrypted.key
rm one-ca.key two-ca.key billing-client.key
