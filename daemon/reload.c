/*
 * The configuration is read into a second one, which replaces the first only after no mistake.
 */
#include "daemon/reload.h"

#include <signal.h>

#include "daemon/engine/engine.h"
#include "daemon/log/log.h"
#include "daemon/notify.h"

/* Logs the change of an option; undoes a change that needs a restart. */
static void reload_take(
	struct configuration *fresh, const struct configuration *old, enum option_id id)
{
	const struct option_info *info = &option_table[id];
	char now[OPTION_TEXT_SIZE], before[OPTION_TEXT_SIZE];
	if (option_equal(&fresh->options, &old->options, id))
		return;
	option_to_string(&fresh->options, id, now);
	option_to_string(&old->options, id, before);
	if (info->when == OPTION_RELOAD) {
		log_notice("%s is %s now, and was %s (%s)", info->name, now, before,
			fresh->origins[id]);
		return;
	}
	log_warning("%s stays %s: %s needs a restart (%s)", info->name, before, now,
		fresh->origins[id]);
	option_copy(&fresh->options, &old->options, id);
}

static void reload_apply(struct reload *reload, struct configuration *fresh)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		reload_take(fresh, reload->configuration, (enum option_id)i);
	*reload->configuration = *fresh;
	log_set_level((enum log_level)fresh->options.log_level);
	engine_reload(reload->engine);
}

static int reload_on_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct reload *reload = context;
	struct configuration fresh;
	(void)source;
	(void)info;
	notify_reloading();
	if (configuration_read(&fresh, reload->line) < 0) {
		log_error("the configuration has a mistake, and all options stay as they were");
	} else {
		reload_apply(reload, &fresh);
		log_notice("the configuration was read again");
	}
	notify_reloaded();
	return 0;
}

int reload_start(struct reload *reload, sd_event *event, const struct command_line *line,
	struct configuration *configuration, struct engine *engine)
{
	*reload = (struct reload){line, configuration, engine, NULL};
	return sd_event_add_signal(event, &reload->signal, SIGHUP, reload_on_signal, reload);
}

void reload_stop(struct reload *reload)
{
	reload->signal = sd_event_source_disable_unref(reload->signal);
}
