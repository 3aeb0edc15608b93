# shellcheck shell=bash
# quietly LOG COMMAND...: runs COMMAND and keeps what it says in LOG. A terminal
# shows it too; elsewhere only the end of it is shown, and only when it fails.
quietly() {
    local log=$1 code=0
    shift
    if [ -t 1 ]; then
        "$@" 2>&1 | tee "$log"
    else
        "$@" >"$log" 2>&1 || code=$?
        [ $code = 0 ] || tail -n 80 "$log"
        return $code
    fi
}

# failure LOG: the task of Ansible that failed last, and what it said.
failure() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | cut -c 1-1500 |
        awk '/^(TASK|RUNNING)/ { task = $0 } /^(fatal|failed): / { last = task "\n" $0 } END { print last }'
}
