/*
 * shmimg-viewer(1): shows images in shared memory.
 * This file reads the command line and opens the windows.
 */
#include <locale.h>
#include <stdlib.h>

#include "client/viewer/window.h"
#include "config.h"

enum { EXIT_USAGE = 2 };

struct arguments {
	char *socket;
	char **operands;
	gboolean exact;
	gboolean version;
};

/* Opens a window for each operand, or an empty one. */
static void main_on_activate(GtkApplication *application, struct arguments *arguments)
{
	char **operand = arguments->operands;
	do {
		GtkWindow *window = window_new(application, arguments->socket);
		if (operand && *operand)
			window_open(window, *operand, arguments->exact);
		gtk_window_present(window);
	} while (operand && *operand && *++operand);
}

static gboolean main_parse(struct arguments *arguments, int *count, char ***words, GError **error)
{
	const GOptionEntry entries[] = {
		{"exact", 'e', 0, G_OPTION_ARG_NONE, &arguments->exact,
			"The operands are names of images, never paths of files", NULL},
		{"socket", 's', 0, G_OPTION_ARG_FILENAME, &arguments->socket, "The daemon's socket",
			"PATH"},
		{"version", 'V', 0, G_OPTION_ARG_NONE, &arguments->version, "Print the version",
			NULL},
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments->operands, NULL,
			"[FILE|NAME...]"},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_option_context_set_summary(context, "Shows images in shared memory. Loads files, and "
					      "finds loaded images by name.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, count, words, error);
}

/* Without an application id, each process has its own windows. */
static int main_run(struct arguments *arguments, char *program)
{
	g_autoptr(GtkApplication) application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
	g_signal_connect(application, "activate", G_CALLBACK(main_on_activate), arguments);
	return g_application_run(G_APPLICATION(application), 1, &program);
}

int main(int count, char **words)
{
	struct arguments arguments = {.socket = NULL};
	g_autoptr(GError) error = NULL;
	int status = EXIT_SUCCESS;
	setlocale(LC_ALL, "");
	g_set_prgname("shmimg-viewer");
	if (!main_parse(&arguments, &count, &words, &error)) {
		g_printerr("shmimg-viewer: %s (see --help)\n", error->message);
		status = EXIT_USAGE;
	} else if (arguments.version) {
		g_print("shmimg-viewer %s\n", PACKAGE_VERSION);
	} else {
		status = main_run(&arguments, words[0]);
	}
	g_strfreev(arguments.operands);
	g_free(arguments.socket);
	return status;
}
