/*
 * File descriptors that travel over a Unix socket beside bytes (SCM_RIGHTS, unix(7)): sends one,
 * receives any number. Decides nothing about them; the caller knows how many belong to a message.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { FDPASS_MAX = 253 }; /* descriptors in one message: SCM_MAX_FD of the kernel */

/*
 * Sends size bytes with sendmsg(2), and fd with the first byte unless fd is -1; fd stays the
 * caller's. The flags are those of sendmsg(2); MSG_NOSIGNAL is always set. Is tried again after a
 * signal. Returns how many bytes were sent, or a negative errno.
 */
ssize_t fdpass_send(int socket, const void *bytes, size_t size, int fd, int flags);

/* Where fdpass_receive() puts a message. */
struct fdpass_message {
	void *bytes;
	size_t size;
	int *fds;	 /* capacity for fds_max, which may be 0 */
	size_t fds_max;	 /* at most FDPASS_MAX */
	size_t fd_count; /* set: the descriptors in fds, the caller's and close-on-exec; 0 on error
			  */
	int flags;	 /* set: MSG_TRUNC, bytes are lost; MSG_CTRUNC, descriptors are lost */
};

/*
 * Receives once with recvmsg(2), with the flags of recvmsg(2). Is tried again after a signal.
 * The kernel closes the descriptors that do not fit, and sets MSG_CTRUNC: fds is full then, or
 * this process has too many descriptors open. With MSG_PEEK and no capacity for descriptors,
 * nothing is received, and MSG_CTRUNC means that descriptors would come with these bytes.
 * Returns how many bytes were received, or a negative errno.
 */
ssize_t fdpass_receive(int socket, struct fdpass_message *message, int flags);

/* The first descriptor of a received message, or -1; closes the others. */
int fdpass_keep_first(struct fdpass_message *message);
