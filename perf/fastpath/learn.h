/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane's part for the benchmark: watches TCP handshakes of tenant 0 and decides upon their
 * sessions, with what both ends said of their windows.
 */
#ifndef LEARN_H
#define LEARN_H

#include "hosts.h"

void learn_start(enum mode mode);
void learn_stop(void);

#endif
