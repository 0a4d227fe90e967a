[ "$1" == yes ] && echo agreed
