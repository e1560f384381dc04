/*
 * Why: the kernel counts the descriptors that a process has sent and that were not received yet.
 * The count is for all processes of a user, and limited by RLIMIT_NOFILE: when clients of the
 * daemon do not receive theirs, the daemon cannot send a file to a decoder any more. So each user
 * may have a quarter of that limit under way at most, and all users half of it. The other half
 * stays for the decoders.
 *
 * The kernel does not tell when a client has received a descriptor. But SIOCOUTQ of unix(7) tells
 * the memory of the messages on the socket, and a message takes at least MESSAGE_MIN bytes of it.
 * That bounds their number. It is asked after each turn of the connection, and of all connections
 * of a user who has reached a limit.
 *
 * A connection that waits for one descriptor has its send buffer limited, so that a client that
 * asks for many and reads them slowly is stopped by the socket before it reaches a limit.
 */
#include "daemon/socket/transit.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "daemon/base/tiny.h"

enum {
	MESSAGE_MIN = 512, /* bytes that the kernel needs for a message, at least */
	/* The kernel doubles it: room for some 80 answers. */
	SEND_BUFFER = TINY(32768, 2048),
	TOTAL_MAX = TINY(4096, 3), /* of all users */
};

static TAILQ_HEAD(, transit) transit_list = TAILQ_HEAD_INITIALIZER(transit_list);
static uint64_t transit_total;

void transit_init(struct transit *transit, int socket, uid_t uid)
{
	*transit = (struct transit){.socket = socket, .uid = uid};
}

static void transit_reduce(struct transit *transit, uint64_t amount)
{
	if (amount >= transit->charge.amount)
		return;
	transit_total -= transit->charge.amount - amount;
	if (amount == 0)
		TAILQ_REMOVE(&transit_list, transit, link);
	charge_reduce(&transit->charge, amount);
}

void transit_update(struct transit *transit, unsigned waiting)
{
	int bytes = 0;
	transit->waiting = waiting;
	if (!transit->charge.account || ioctl(transit->socket, SIOCOUTQ, &bytes) < 0)
		return;
	transit_reduce(transit, waiting + ((uint64_t)bytes + MESSAGE_MIN - 1) / MESSAGE_MIN);
}

bool transit_is_pending(const struct transit *transit)
{
	return transit->charge.account;
}

void transit_end(struct transit *transit)
{
	if (transit->charge.account)
		transit_reduce(transit, 0);
}

static uint64_t transit_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > TOTAL_MAX)
		return TOTAL_MAX;
	return limit.rlim_cur / 2;
}

static int transit_check(const struct accounts *accounts, uid_t uid)
{
	uint64_t limit = transit_limit();
	if (!accounts_allow(accounts, uid, RESOURCE_DESCRIPTORS, 1) ||
		accounts_used(accounts, uid, RESOURCE_DESCRIPTORS) >= limit / 2)
		return -EDQUOT;
	return transit_total >= limit ? -EBUSY : 0;
}

/* Updates the transits of a user, or of all users. */
static void transit_update_all(uid_t uid, bool all)
{
	struct transit *transit = TAILQ_FIRST(&transit_list);
	while (transit) {
		struct transit *next = TAILQ_NEXT(transit, link);
		if (all || transit->uid == uid)
			transit_update(transit, transit->waiting);
		transit = next;
	}
}

int transit_add(struct transit *transit, struct accounts *accounts)
{
	const int size = SEND_BUFFER;
	int r = transit_check(accounts, transit->uid);
	if (r < 0) {
		transit_update_all(transit->uid, r == -EBUSY);
		r = transit_check(accounts, transit->uid);
	}
	bool first = !transit->charge.account;
	if (r == 0)
		r = accounts_charge_more(
			accounts, &transit->charge, transit->uid, RESOURCE_DESCRIPTORS, 1);
	if (r < 0)
		return r;
	transit_total++;
	transit->waiting++;
	if (!first)
		return 0;
	TAILQ_INSERT_TAIL(&transit_list, transit, link);
	setsockopt(transit->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}
