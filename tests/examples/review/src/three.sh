test -n "$1"
