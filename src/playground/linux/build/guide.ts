// The guest's first program, for somebody who sits at its console: it loads the modules, mounts what a shell expects, and starts one.
//
// Verbs: GUIDE_INIT. The shell has a controlling terminal (cttyhack), so ^C ends a command; when it is left, another one begins. File
// systems that keep files over a crash are the reader's to make: nothing is mounted on the disk.

import { MODULE_LIST } from './debian.ts';

export const GUIDE_INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /tmp /etc /usr/bin /usr/sbin
$b --install -s 2> /dev/null
export PATH=/sbin:/usr/sbin:/bin:/usr/bin LD_LIBRARY_PATH=/lib HOME=/ TERM=vt100 PS1='# '
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in $(cat /${MODULE_LIST}); do insmod /lib/modules/$module.ko; done
ln -sf /proc/mounts /etc/mtab
ln -sf /sbin/mke2fs /sbin/mkfs.ext4
stty cols 80 rows 24 2> /dev/null
echo 3 > /proc/sys/kernel/printk
echo
echo "Linux $(uname -r). The disk is /dev/vda, $(($(cat /sys/block/vda/size) / 2048)) MiB; nothing is mounted."
echo
while true; do setsid cttyhack sh; done
`;
