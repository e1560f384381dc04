/*
 * shmimg-bench-qt SOCKET FILE: a picture in a QSharedMemory, as one process of Qt's Shared
 * Memory Example puts it there, and as a second one gets it whenever a byte comes over the
 * socket: attach, lock, QImage out of a QDataStream, unlock, detach, a look at every pixel.
 * Answers OK and the microseconds that this took. Ends by SIGTERM, and leaves nothing.
 */
#include <QBuffer>
#include <QDataStream>
#include <QElapsedTimer>
#include <QImage>
#include <QSharedMemory>
#include <QString>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/touch.h"

namespace
{

[[noreturn]] void fail(const char *what, const QString &why)
{
	fprintf(stderr, "shmimg-bench-qt: %s: %s\n", what, qPrintable(why));
	_exit(1);
}

/* The first process's part. The memory lives as long as this object. */
void put(QSharedMemory &memory, const char *path)
{
	QImage image;
	QBuffer buffer;
	if (!image.load(QString::fromLocal8Bit(path)))
		fail(path, QStringLiteral("no image"));
	buffer.open(QBuffer::ReadWrite);
	QDataStream out(&buffer);
	out << image;
	if (!memory.create(static_cast<int>(buffer.size())))
		fail("create", memory.errorString());
	memory.lock();
	memcpy(memory.data(), buffer.data().constData(), static_cast<size_t>(buffer.size()));
	memory.unlock();
}

/* The second one's. Returns what it took, in microseconds. */
double get(QSharedMemory &memory)
{
	QElapsedTimer timer;
	timer.start();
	if (!memory.attach())
		fail("attach", memory.errorString());
	QImage image;
	QBuffer buffer;
	memory.lock();
	buffer.setData(
		static_cast<const char *>(memory.constData()), static_cast<int>(memory.size()));
	buffer.open(QBuffer::ReadOnly);
	QDataStream in(&buffer);
	in >> image;
	memory.unlock();
	memory.detach();
	if (image.isNull())
		fail("stream", QStringLiteral("no image"));
	touch(image.constBits(), static_cast<size_t>(image.sizeInBytes()));
	return static_cast<double>(timer.nsecsElapsed()) / 1e3;
}

int listen_at(const char *path)
{
	sockaddr_un address = {};
	address.sun_family = AF_UNIX;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
		bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof(address)) ||
		listen(listener, 1))
		fail(path, QString::fromLocal8Bit(strerror(errno)));
	return listener;
}

/* One client after the other, until the first process ends this one. */
[[noreturn]] void serve(int listener, const QString &key)
{
	QSharedMemory memory(key);
	for (;;) {
		int fd = accept(listener, nullptr, nullptr);
		char byte;
		while (recv(fd, &byte, 1, 0) == 1)
			dprintf(fd, "OK %.1f\n", get(memory));
		close(fd);
	}
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: shmimg-bench-qt SOCKET FILE\n");
		return 2;
	}
	sigset_t ends;
	int signal, ready[2];
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, nullptr);
	int listener = listen_at(argv[1]);
	if (pipe(ready) < 0)
		fail("pipe", QString::fromLocal8Bit(strerror(errno)));
	pid_t child = fork();
	if (child < 0)
		fail("fork", QString::fromLocal8Bit(strerror(errno)));
	if (child == 0) {
		char byte;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[1]);
		if (read(ready[0], &byte, 1) == 1)
			serve(listener, QString::fromLocal8Bit(argv[1]));
		_exit(1);
	}
	close(ready[0]);
	QSharedMemory memory(QString::fromLocal8Bit(argv[1]));
	put(memory, argv[2]);
	bool told = write(ready[1], "", 1) == 1 && puts("ready") >= 0 && fflush(stdout) == 0;
	if (told)
		sigwait(&ends, &signal);
	kill(child, SIGKILL);
	waitpid(child, nullptr, 0);
	return told ? 0 : 1;
}
