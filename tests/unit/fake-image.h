/*
 * A daemon with one image: what tests of mapping and locking begin with. Its scripts play
 * FETCH as the fixture's lines tell.
 */
#pragma once

#include "client/include/shmimg.h"
#include "tests/unit/fake-daemon.h"
#include "tests/unit/fake-segment.h"

struct fixture {
	struct fake fake;
	struct segment segment;	   /* of the image "duck" */
	const char *request;	   /* what is heard first */
	char reply[8192];	   /* and what is said to that, '\n' included */
	char release[512];	   /* what is heard when the client gives the pin back */
	const char *second;	   /* what is heard next, if anything */
	char second_reply[8192];   /* and what is said to that */
	int second_fds[1];	   /* what goes with it */
	size_t second_count;	   /* 0 or 1 */
	const char *release_reply; /* what is said to the release; NULL: nothing, and the end */
};

/* For cmocka: *state is a struct fixture with a good reply, and no daemon yet. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Greets, hears the request, says the reply, waits for the end. */
void fixture_answer(struct fake *fake, void *fixture);

/* As fixture_answer(), with the second request after the first, if there is one, and then the
 * release. */
void fixture_answer_and_release(struct fake *fake, void *fixture);

/* Connects and fetches "duck" in good order. */
shmimg_client *fixture_fetch(struct fixture *fixture, shmimg_image **image);

/* Fetches "duck", which must fail with an error, with the pin given back. */
void fixture_refuse(struct fixture *fixture, int error, const char *message);

/* For scripts: answers STATS; hears the image let go of, or a generation that much newer. */
void fixture_answer_stats(struct fake *fake);
void fixture_hear_release(struct fake *fake, const struct fixture *fixture, unsigned newer);

/* Counts records. */
int fixture_count(const shmimg_record *record, void *count);

/* Asks STATS, which must be answered once. */
void fixture_ask(shmimg_client *client);

/* Connects to a script and fetches "duck"; and the end of that, with the pixels as ever. */
shmimg_client *fixture_fetch_by(struct fixture *fixture, fake_script *script, shmimg_image **image);
void fixture_finish(struct fixture *fixture, shmimg_client *client, shmimg_image *image);
