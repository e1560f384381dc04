/*
 * The figures are compared before each sleep of the event loop, and a change sets a timer for a
 * second after the last message: a busy daemon sends one message a second, an idle one none.
 */
#include "daemon/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/base/clock.h"
#include "daemon/engine/engine.h"

enum { STATUS_SIZE = 160 };

static struct notify_figures notify_figures_of(const struct engine *engine)
{
	return (struct notify_figures){
		.images = engine->store.image_count,
		.bytes = engine->store.bytes,
		.memory_max = engine->store.memory_max,
		.clients = engine->counters.connections,
	};
}

/* "1 image", "2 images" */
static void notify_write_count(char text[32], uint64_t count, const char *noun)
{
	snprintf(text, 32, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
}

/* "512 B", "1.5 MiB" */
static void notify_write_bytes(char text[32], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	double size = (double)bytes;
	int unit = -1;
	for (; size >= 1024; unit++)
		size /= 1024;
	if (unit < 0)
		snprintf(text, 32, "%" PRIu64 " B", bytes);
	else
		snprintf(text, 32, "%.1f %ciB", size, units[unit]);
}

static void notify_write_status(char status[STATUS_SIZE], const struct notify_figures *figures)
{
	char images[32], bytes[32], most[32], clients[32];
	notify_write_count(images, figures->images, "image");
	notify_write_bytes(bytes, figures->bytes);
	notify_write_bytes(most, figures->memory_max);
	notify_write_count(clients, figures->clients, "client");
	snprintf(status, STATUS_SIZE, "STATUS=%s, %s of %s, %s", images, bytes, most, clients);
}

/* Sends a state with the current figures. Returns as sd_notify(3) does. */
static int notify_send(struct notify *notify, const char *state)
{
	char status[STATUS_SIZE];
	notify->last_sent = notify_figures_of(notify->engine);
	notify->sent_at = clock_now_usec();
	notify_write_status(status, &notify->last_sent);
	return sd_notifyf(0, "%s%s", state, status);
}

/* Runs before the loop sleeps, so it costs no iteration of the loop. */
static int notify_check(sd_event_source *timer, void *context)
{
	struct notify *notify = context;
	struct notify_figures figures = notify_figures_of(notify->engine);
	if (notify->pending || memcmp(&figures, &notify->last_sent, sizeof(figures)) == 0)
		return 0;
	notify->pending = true;
	return sd_event_source_set_time(timer, notify->sent_at + CLOCK_SECOND);
}

static int notify_on_timer(sd_event_source *timer, uint64_t usec, void *context)
{
	struct notify *notify = context;
	(void)usec;
	notify->pending = false;
	/* The service manager may have gone, and its socket's name may belong to another later. */
	if (notify_send(notify, "") < 0)
		return sd_event_source_set_enabled(timer, SD_EVENT_OFF);
	return sd_event_source_set_time(timer, UINT64_MAX);
}

int notify_start(struct notify *notify, sd_event *event, const struct engine *engine)
{
	*notify = (struct notify){.engine = engine};
	if (!getenv("NOTIFY_SOCKET"))
		return 0;
	int r = sd_event_add_time(
		event, &notify->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, notify_on_timer, notify);
	if (r >= 0)
		r = sd_event_source_set_enabled(notify->timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_prepare(notify->timer, notify_check);
	/* A service manager that gets no READY=1 waits until its timeout. */
	if (r >= 0)
		r = notify_send(notify, "READY=1\n");
	if (r < 0)
		notify->timer = sd_event_source_disable_unref(notify->timer);
	return r < 0 ? r : 0;
}

void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_usec());
}

void notify_reloaded(void)
{
	sd_notify(0, "READY=1");
}

void notify_stop(struct notify *notify)
{
	notify->timer = sd_event_source_disable_unref(notify->timer);
	sd_notify(0, "STOPPING=1");
}
