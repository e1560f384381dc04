/*
 * A record's keys and values.
 */
#include "client/lib/record.h"

#include <errno.h>

const char *shmimg_record_get(const shmimg_record *record, const char *key)
{
	return wire_get(record->line, key);
}

int shmimg_record_at(
	const shmimg_record *record, size_t index, const char **key, const char **value)
{
	if (index >= record->line->count)
		return -ENOENT;
	*key = record->line->fields[index].key;
	*value = record->line->fields[index].value;
	return 0;
}
