# Makes the Python environments of scripts/serve and scripts/test. Sourced by them, not run.
#
#   make_environment DIR PIP-ARGUMENT...  a virtual environment with the project, installed editable
#   apt_packages_missing NAME...          prints those of the named Debian packages that are not installed
#   apt_install NAME...                   installs Debian packages; fails with one sentence when not root
#
# An environment is finished when its stamp file says what it was made from. Anything else (an interrupted
# installation, a changed pyproject.toml, a moved clone, a Python that is gone) is made again from nothing.
# A lock makes starts at the same moment wait for each other.

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
unset PYTHONPATH PYTHONHOME # they would reach into the environments

say() { printf 'voicert: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 2
}

apt_packages_missing() {
  local name
  command -v dpkg-query >/dev/null || {
    say "this is not a Debian system; see that these packages, or what it calls them, are there: $*"
    return 0
  }
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
  done
}

apt_install() {
  command -v apt-get >/dev/null || fail "these packages, or what your system calls them, are missing: $*."
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing; install them with: sudo apt install $*"
  say "installing Debian packages: $*"
  local options=(-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  export DEBIAN_FRONTEND=noninteractive
  apt-get "${options[@]}" update </dev/null >&2 || say "apt-get update failed; trying with the lists at hand."
  apt-get "${options[@]}" install -y --no-install-recommends "$@" </dev/null >/dev/null ||
    fail "apt-get could not install these Debian packages: $*."
}

# Prints the first Python on the path that is 3.11 or newer; $PYTHON, when set, is the only candidate.
find_python() {
  local name names=(python3 python3.14 python3.13 python3.12 python3.11)
  [ -z "${PYTHON:-}" ] || names=("$PYTHON")
  for name in "${names[@]}"; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  return 1
}

# Sets $python to a Python that can make virtual environments; as root on Debian it installs what lacks.
require_python() {
  if ! python=$(find_python); then
    [ -z "${PYTHON:-}" ] || fail "PYTHON is set to '$PYTHON', which is not a Python 3.11 or newer."
    apt_install python3 python3-venv
    python=$(find_python) || fail "Python 3.11 or newer is needed and was not found on the path."
  fi
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    apt_install "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
      fail "$python cannot make virtual environments: its modules venv and ensurepip are missing."
  fi
}

# What an environment is made from, as text: the stamp of a finished one.
environment_recipe() { # PIP-ARGUMENT...
  local argument
  printf '%s\n' "$root" "$@"
  for argument in pyproject.toml "$@"; do
    [ ! -f "$root/$argument" ] || cat -- "$root/$argument"
  done
}

environment_is_finished() { # DIR RECIPE
  [ -f "$1/voicert-stamp" ] && [ "$(cat -- "$1/voicert-stamp")" = "$2" ] && "$1/bin/python" -c '' 2>/dev/null
}

make_environment() { # DIR PIP-ARGUMENT...
  local directory=$1 recipe
  shift
  recipe=$(environment_recipe "$@")
  ! environment_is_finished "$directory" "$recipe" || return 0

  require_python
  exec 9>>"$directory.lock"
  if command -v flock >/dev/null; then
    flock -n 9 || { say "waiting for another start to finish installing…" && flock 9; }
  fi
  if ! environment_is_finished "$directory" "$recipe"; then
    say "installing into $directory (once; a minute or two)…"
    rm -rf -- "$directory"
    "$python" -m venv "$directory" </dev/null >&2 ||
      fail "$python could not make a virtual environment in $directory."
    (cd -- "$root" && "$directory/bin/python" -m pip --disable-pip-version-check --no-input install \
      --quiet --editable "$@") </dev/null >&2 ||
      fail "installing failed; the lines above tell why. The next start tries again."
    printf '%s\n' "$recipe" >"$directory/voicert-stamp.new"
    mv -- "$directory/voicert-stamp.new" "$directory/voicert-stamp"
  fi
  exec 9>&- # what is started next must not hold the lock
}
