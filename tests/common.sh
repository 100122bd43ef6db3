# What the scripts under tests/ share; sourced by them, after `words=("$@")`.

# A proxy of the machine's has no business between programs on loopback.
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy

die() { echo "$(basename "$here")/$(basename "$0"): $*" >&2; exit 1; }

# python_packages WORK REQUIREMENTS: a venv with exactly these, made once for each set of versions; prints its directory
python_packages() {
    local dir
    dir="$1/python-$(sha256sum "$2" | cut -c1-12)"
    if [ ! -e "$dir/ready" ]; then
        rm -rf "$dir"
        python3 -m venv "$dir" || die "no \`venv\`; install python3-venv"
        "$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$2" >&2 || die "the packages of $2 could not be installed"
        touch "$dir/ready"
    fi
    echo "$dir"
}

wanted() { # is NAME among those asked for?
    local word
    [ ${#words[@]} -gt 0 ] || return 0
    for word in "${words[@]}"; do [[ "$1" == *"$word"* ]] && return 0; done
    return 1
}

# skipped NAME NEED: a check that is left out for want of NEED. Fails where TESTS_MAY_SKIP is set and does not
# name it, as in the tests in Rust.
skipped() {
    wanted "$1" || return 0
    if [ -z "${TESTS_MAY_SKIP+set}" ] || [[ " $TESTS_MAY_SKIP " == *" $2 "* ]]; then
        printf 'skip  %-38s there is no %s\n' "$1" "$2"
    else
        failed=$((failed + 1))
        printf 'FAIL  %-38s\n      there is no %s, and TESTS_MAY_SKIP does not name it\n' "$1" "$2"
    fi
}

passed=0
failed=0
check() { # NAME COMMAND...: one line, or what it said where it failed or took longer than $limit seconds
    local name="$1" out
    shift
    wanted "$name" || return 0
    if out="$(timeout "$limit" "$@" 2>&1)"; then
        passed=$((passed + 1))
        printf 'ok    %-38s %s\n' "$name" "$(tail -n 1 <<<"$out")"
    else
        failed=$((failed + 1))
        printf 'FAIL  %-38s\n%s\n' "$name" "$(tail -n 40 <<<"$out" | sed 's/^/      /')"
    fi
}
sum() { # the closing line, and whether all is well
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
