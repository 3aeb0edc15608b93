# shellcheck shell=bash
# step TITLE COMMAND...: says TITLE, runs COMMAND, and says how many seconds it took.
step() {
    local start=$SECONDS code
    printf '%s …' "$1" >&2
    "${@:2}"
    code=$?
    printf ' %d s\n' $((SECONDS - start)) >&2
    return $code
}
