# Runs attempts in one session, one after the other:  sh launcher.sh SLOT BELL
#
# The paths of attempts and of the bell are relative to SLOT, so that they are right in a home that was moved.
#
# SLOT is a folder with the fifo `ctl`, on which the engine writes lines:
#   run PID FOLDER   run the attempt in FOLDER; PID is the engine's
#   kept ID          the end of attempt ID is on the engine's disk
#   anew             the log of the session begins anew
# BELL is the fifo on which the engine listens:
#   S ID PID         the program of attempt ID is about to begin
#   E ID STATUS      it has ended, and its file holds the status
#   X ID STATUS      it has ended, and the status cannot be written: it is known here alone
#   N ID 1           it has not begun, and this launcher will not begin it: no room, no process, no whole script
#
# FOLDER/started is made exclusively: whoever makes it first, launcher or engine, decides whether the attempt runs. The
# child makes it: if there is no process to be had, the launcher ends (as a shell does then), and nothing has begun.
# FOLDER/exit.new holds the exit status; it becomes FOLDER/exit when it is durable: the engine sees to that, and if
# there is no engine, the launcher does.
#
# The session stays until the engine says otherwise, so that no output is lost and the last screen can be read.
# An open for reading waits for an engine; a read that ends without a line means that the engine is gone, and if
# the fifo itself is gone, somebody has removed the folder.

# A dead engine may keep its number until somebody has waited for it.
engine_lives() {
	kill -0 "$engine" 2>/dev/null || return 1
	[ -r "/proc/$engine/stat" ] && read -r pid name state rest <"/proc/$engine/stat" && [ "$state" = Z ] && return 1
	return 0
}

# Without a fork, so that it works when there is no process to be had.
ring() {
	[ -p "$bell" ] && printf '%s %s %s\n' "$1" "$id" "$2" 1<>"$bell"
}

# Whether the status is in its file, whole. What is no plain file there would keep us waiting, or lead elsewhere.
written() {
	file=$folder/exit.new
	if [ -L "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then
		rm -rf "$file"
	fi
	read=
	printf '%s\n' "$status" >"$file" && IFS= read -r read <"$file" && [ "$read" = "$status" ]
}

unset TMUX TMUX_PANE
umask 077
trap '' INT QUIT TSTP
bell=$2
cd -- "$1" || exit 1

while :; do
	trap - HUP
	IFS= read -r line <ctl || { [ -p ctl ] && continue; exit 1; }
	case $line in
	"run "*) ;;
	anew)
		printf '' >log
		continue
		;;
	*) continue ;;
	esac
	line=${line#run }
	engine=${line%% *}
	folder=${line#* }
	id=${folder##*/}

	[ ! -e "$folder/started" ] || continue
	[ -s "$folder/run" ] || { ring N 1; continue; }

	hangup=
	trap 'hangup=1' HUP
	trap : INT QUIT
	(
		trap - HUP INT QUIT TSTP
		cd -P -- "$folder" && set -C && printf '' 2>/dev/null >started || exit 125
		set +C
		trap 'rm -f started; exit 125' EXIT
		. ./run
	)
	status=$?
	trap '' INT QUIT

	if [ "$status" = 125 ] && [ -d "$folder" ] && [ ! -e "$folder/started" ]; then
		ring N 1
		[ -z "$hangup" ] && continue
		exit 0
	fi

	trap 'ring X "$status"' EXIT
	# Until there is room, however long that takes; not if the folder is gone, or the engine has let this session go.
	until written; do
		ring X "$status"
		[ -d "$folder" ] && [ -p ctl ] || break
		sleep 1
	done 2>/dev/null
	trap - EXIT
	[ "$read" = "$status" ] && ring E "$status"
	printf '\033]7717;%s\033\\' "$id"

	line=
	[ -z "$hangup" ] && trap - HUP && engine_lives && IFS= read -r line <ctl
	if [ "$line" != "kept $id" ] && [ -e "$folder/exit.new" ]; then
		sync "$folder/exit.new" && mv -f "$folder/exit.new" "$folder/exit"
	fi 2>/dev/null
	[ -z "$hangup" ] || exit 0
	until [ "$line" = "kept $id" ]; do
		# An engine that asks for it again has not heard how it ended, and found no file that tells it.
		case $line in "run "*" $folder") ring X "$status" ;; esac
		IFS= read -r line <ctl || line=
		[ -p ctl ] || exit 1
	done
done
