# The Python package. It implements the protocol itself and links no library. It can also be
# installed by "pip install" from this folder.

shmimg_python_files = \
	%D%/shmimg/__init__.py \
	%D%/shmimg/__main__.py \
	%D%/shmimg/client.py \
	%D%/shmimg/connection.py \
	%D%/shmimg/errors.py \
	%D%/shmimg/image.py \
	%D%/shmimg/records.py \
	%D%/shmimg/segment.py \
	%D%/shmimg/semaphore.py \
	%D%/shmimg/session.py \
	%D%/shmimg/shared.py \
	%D%/shmimg/source.py \
	%D%/shmimg/trust.py \
	%D%/shmimg/watching.py \
	%D%/shmimg/wire.py

EXTRA_DIST += $(shmimg_python_files) \
	%D%/examples/brightness.sh \
	%D%/examples/edges.py \
	%D%/pyproject.toml \
	%D%/shmimg/py.typed

if PYTHON
shmimgpythondir = $(pythondir)/shmimg
shmimgpython_PYTHON = $(shmimg_python_files)
shmimgpython_DATA = %D%/shmimg/py.typed
dist_man_MANS += %D%/shmimg-python.3
else
EXTRA_DIST += %D%/shmimg-python.3
endif
