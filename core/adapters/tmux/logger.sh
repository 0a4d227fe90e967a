# Keeps the output of one session, whether there is an engine or not:  sh logger.sh SLOT SIZE
#
# Standard input goes to SLOT/log. SLOT/attempt leads to the folder of the attempt whose log that is, by another name of
# the same file. Before the log has more than SIZE bytes it becomes the older part there (log.1); what that held is gone
# then, and is counted in log.dropped. log.dropped.new is there while this is under way.
#
# On a disk that takes nothing the output waits in tmux; when there is room again a line says how much may be missing.

# Bytes of one read: dd loses no more if it cannot write, and counts reads, however short.
block=4096

size_of() {
	bytes=
	[ -f "$1" ] && bytes=$(wc -c <"$1")
	bytes=$((bytes + 0))
}

# What was dropped before; whatever else stands in the file is none of ours.
read_dropped() {
	dropped=0
	[ -f attempt/log.dropped ] && [ ! -L attempt/log.dropped ] && read -r dropped <attempt/log.dropped
	case $dropped in '' | *[!0-9]* | ????????????????*) dropped=0 ;; esac
}

# Makes the log the older part, and an empty one the log: there is one at any moment. If the disk refuses, the log grows
# on. A log that is no attempt's any more is let go.
rotate() {
	if ! [ attempt/log -ef log ]; then
		printf '' >log
		return
	fi
	for odd in attempt/log.1 attempt/log.next attempt/log.dropped attempt/log.dropped.new; do
		[ -d "$odd" ] && rm -rf "$odd"
	done
	read_dropped
	size_of attempt/log.1
	rm -f attempt/log.dropped.new
	printf '' >next && ln -f next attempt/log.next || return
	printf '%s\n' $((dropped + bytes)) >attempt/log.dropped.new && ln -f log attempt/log.1 || return
	mv -f attempt/log.next attempt/log
	mv -f next log
	mv -f attempt/log.dropped.new attempt/log.dropped
}

umask 077
cd -- "$1" || exec cat >/dev/null
printf '%s\n' $$ >logger
export LC_ALL=C

while :; do
	size_of log
	room=$((($2 - bytes) / block))
	if [ "$room" -lt 1 ] && [ "$bytes" -gt 0 ]; then
		rotate
		size_of log
		room=$((($2 - bytes) / block))
	fi
	[ "$room" -ge 1 ] || room=1
	said=$(dd bs=$block count=$room 2>&1 >>log)
	status=$?
	case $said in
	*" records in"*) ;;
	*)
		# Not even begun: the log cannot be opened, or there is no process to be had.
		[ -p ctl ] || exec cat >/dev/null
		sleep 1
		continue
		;;
	esac
	reads=${said%% records in*}
	reads=$((${reads##*[!0-9+]}))
	if [ "$status" != 0 ]; then
		until printf '\r\n[muxdeck: up to %s bytes of output are missing here: the disk was full]\r\n' $block >>log; do
			[ -p ctl ] || exec cat >/dev/null
			sleep 1
		done
	elif [ "$reads" -lt "$room" ]; then
		exit 0
	fi
done 2>/dev/null
