#!/bin/sh
# Gets what building and drilling need beyond Rust and Node.js: a C compiler, Foundry with the contracts' libraries, the
# compiled contracts; and PostgreSQL for the tests of the journal, where it can be had. Safe to run again; says nothing when nothing is to do.
set -eu

cd -- "$(dirname -- "$0")/.."

NODE_MAJOR_MIN=20

say() {
  echo "setup: $*" >&2
}

fail() {
  say "$*"
  exit 1
}

is_installed() {
  command -v "$1" >/dev/null 2>&1
}

check_tools() {
  is_installed cargo || fail 'cargo is missing: install Rust with rustup, then open a new shell'
  is_installed node || fail "node is missing: install Node.js $NODE_MAJOR_MIN or newer (Debian's package is \`nodejs\`)"
  is_installed npm || fail "npm is missing: install it (Debian's package is \`npm\`)"
  node_major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$node_major" -ge "$NODE_MAJOR_MIN" ] ||
    fail "Node.js $node_major is too old: install $NODE_MAJOR_MIN or newer"
}

# Rust links with `cc`, and SQLite and the curves' libraries are C.
install_c_compiler() {
  remedy='install gcc, so that `cc` is found'
  is_installed apt-get || fail "a C compiler is missing: $remedy"
  if [ "$(id -u)" -eq 0 ]; then
    as_root=
  elif is_installed sudo; then
    as_root=sudo
  else
    fail "a C compiler is missing, and only root can add packages: $remedy"
  fi
  say "installing a C compiler from the system's packages"
  # Without a new list the old one may still do; the installation says whether it does.
  $as_root apt-get update -qq >&2 || say 'the list of packages is not up to date'
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends gcc libc6-dev >&2 || fail "the C compiler was not installed: $remedy"
}

has_postgres() {
  is_installed initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# Only tests use it, each run with a private server of its own; without it they say that they skip. Debian would also start
# a server for everybody: that is switched off before.
install_postgres() {
  if ! is_installed apt-get; then
    say 'PostgreSQL is not installed: tests of the journal on it will be skipped'
    return 0
  fi
  if [ "$(id -u)" -eq 0 ]; then
    as_root=
  elif is_installed sudo && sudo -n true 2>/dev/null; then
    as_root=sudo
  else
    say 'PostgreSQL is not installed and only root can add packages: tests of the journal on it will be skipped'
    return 0
  fi
  say "installing PostgreSQL from the system's packages, for tests"
  $as_root mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  $as_root apt-get update -qq >&2 || say 'the list of packages is not up to date'
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends postgresql >&2 ||
    say 'PostgreSQL was not installed: tests of the journal on it will be skipped'
}

# A stamp holds the checksum of what its folder was made from.
is_current() {
  [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

install_packages() {
  say 'installing Foundry, the Solidity compiler and the libraries into contracts/node_modules'
  (cd contracts && npm ci --no-audit --no-fund --loglevel=error >&2) ||
    fail 'npm ci did not succeed in contracts/: see above'
}

compile_contracts() {
  say 'compiling the contracts'
  contracts/tools/foundry forge build >&2 || fail 'the contracts did not compile: see above'
}

build_console() {
  say 'building the console'
  (cd console && npm ci --no-audit --no-fund --loglevel=error >&2 && npm run --silent build >&2) ||
    fail 'the console was not built: see above'
}

check_tools
is_installed cc || install_c_compiler
# What only tests use is not put on the machine of somebody who wants to see the demo.
if [ "${1:-}" = tests ]; then
  has_postgres || install_postgres
fi

packages_stamp=contracts/node_modules/.setup-stamp
packages=$({ uname -sm; cat contracts/package-lock.json contracts/.npmrc; } | cksum)
if ! is_current "$packages_stamp" "$packages"; then
  install_packages
  echo "$packages" >"$packages_stamp"
fi

contracts_stamp=contracts/out/.setup-stamp
sources=$(find contracts/src contracts/test contracts/tools contracts/foundry.toml -type f -exec cksum {} + | LC_ALL=C sort | cksum)
if ! is_current "$contracts_stamp" "$packages $sources"; then
  compile_contracts
  echo "$packages $sources" >"$contracts_stamp"
fi

console_stamp=console/node_modules/.setup-stamp
console=$(find console/src console/public console/index.html console/package-lock.json console/vite.config.ts console/tsconfig.json -type f -exec cksum {} + | LC_ALL=C sort | cksum)
if ! is_current "$console_stamp" "$console" || ! [ -f console/dist/index.html ]; then
  build_console
  echo "$console" >"$console_stamp"
  # The program holds the page: it is built anew.
  touch crates/portcullis/build.rs
fi
