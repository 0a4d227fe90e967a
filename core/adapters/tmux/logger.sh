# Keeps the output of one session, whether there is an engine or not:  sh logger.sh SLOT SIZE BLOCKS
#
# Standard input goes to SLOT/log. SLOT/attempt leads to the folder of the attempt whose log that is, by another name of
# the same file. A log of SIZE bytes becomes the older part there (log.1); what that held is gone then, and is counted in
# log.dropped. log.dropped.new is there while this is under way.
#
# On a disk that takes nothing the output waits in tmux; when there is room again a line says how much may be missing.
# A `dd` that cannot count bytes gives way to `cat`, which ends at BLOCKS blocks of 512 bytes.

block=65536

size_of() {
	bytes=0
	[ -f "$1" ] && bytes=$(wc -c <"$1" 2>/dev/null) || bytes=0
	bytes=$((bytes + 0))
}

# What was dropped before; whatever else stands in the file is none of ours.
read_dropped() {
	dropped=0
	[ -f attempt/log.dropped ] && [ ! -L attempt/log.dropped ] && read -r dropped <attempt/log.dropped
	case $dropped in '' | *[!0-9]* | ????????????????*) dropped=0 ;; esac
}

# Makes the log the older part. A log that is no attempt's any more is let go.
rotate() {
	if ! [ attempt/log -ef log ]; then
		printf '' >log
		return
	fi
	[ -d attempt/log.1 ] && rm -rf attempt/log.1
	read_dropped
	size_of attempt/log.1
	printf '%s\n' $((dropped + bytes)) >attempt/log.dropped.new || return
	mv -f attempt/log attempt/log.1 || return
	mv -f attempt/log.dropped.new attempt/log.dropped
	rm -f log
	until printf '' >>log && ln -f log attempt/log; do
		[ -d attempt ] && [ -p ctl ] || return
		sleep 1
	done
}

umask 077
cd -- "$1" || exec cat >/dev/null
printf '%s\n' $$ >logger
export LC_ALL=C

while :; do
	size_of log
	if [ "$bytes" -ge "$2" ]; then
		rotate
		size_of log
		[ "$bytes" -lt "$2" ] || sleep 1
	fi
	room=$(($2 - bytes))
	[ "$room" -gt 0 ] || room=$block
	said=$(dd bs=$block count=$room iflag=count_bytes 2>&1 >>log)
	status=$?
	case $said in
	*"records out"*) ;;
	*invalid* | *unrecognized* | *unknown*) break ;;
	*)
		# Not even begun: the log cannot be opened, or there is no process to be had.
		[ -p ctl ] || exec cat >/dev/null
		sleep 1
		continue
		;;
	esac
	kept=${said##*records out}
	kept=${kept#*
}
	kept=${kept%% byte*}
	if [ "$status" != 0 ]; then
		# What dd had read and could not write.
		until printf '\r\n[muxdeck: up to %s bytes of output are missing here: the disk was full]\r\n' $block >>log; do
			[ -p ctl ] || exec cat >/dev/null
			sleep 1
		done
	elif [ "$kept" -lt "$room" ]; then
		exit 0
	fi
done 2>/dev/null

ulimit -f "$3"
exec cat >>log
