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
#   E ID STATUS      it has ended
#
# FOLDER/started is made exclusively: whoever makes it first, launcher or engine, decides whether the attempt runs.
# FOLDER/exit.new holds the exit status; it becomes FOLDER/exit when it is durable: the engine sees to that, and where
# there is no engine, the launcher does.
#
# The session stays until the engine says otherwise, so that no output is lost and the last screen can be read.
# An open for reading waits for an engine; a read that ends without a line means that the engine is gone, and where
# the fifo itself is gone, somebody has removed the folder.

# A dead engine may keep its number until somebody has waited for it.
engine_lives() {
	kill -0 "$engine" 2>/dev/null || return 1
	[ -r "/proc/$engine/stat" ] && read -r pid name state rest <"/proc/$engine/stat" && [ "$state" = Z ] && return 1
	return 0
}

unset TMUX TMUX_PANE
umask 077
trap '' INT QUIT TSTP
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

	set -C
	printf '%s\n' $$ 2>/dev/null >"$folder/started" || { set +C; continue; }
	set +C

	hangup=
	trap 'hangup=1' HUP
	trap : INT QUIT
	(
		trap - HUP INT QUIT TSTP
		cd -P -- "$folder" && . ./run
	)
	status=$?
	trap '' INT QUIT

	printf '%s\n' "$status" >"$folder/exit.new"
	printf 'E %s %s\n' "$id" "$status" 1<>"$2"
	printf '\033]7717;%s\033\\' "$id"

	line=
	[ -z "$hangup" ] && trap - HUP && engine_lives && IFS= read -r line <ctl
	if [ "$line" != "kept $id" ] && [ -e "$folder/exit.new" ]; then
		sync "$folder/exit.new" && mv -f "$folder/exit.new" "$folder/exit"
	fi 2>/dev/null
	[ -z "$hangup" ] || exit 0
	until [ "$line" = "kept $id" ]; do
		IFS= read -r line <ctl || line=
		[ -p ctl ] || exit 1
	done
done
