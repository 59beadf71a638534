/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's fast path as control tells of it (weft/msg.h): its tables, and which ports have
 * programs. Tells the session table and the ports what follows from that and from the ports'
 * configuration and state. Main thread.
 */
#ifndef CHANNEL_FASTPATH_H
#define CHANNEL_FASTPATH_H

#include <stdint.h>

#include <weft/codec.h>
#include <weft/msg.h>
#include <weft_bpf/trace.h>

/* The request FASTPATH. The descriptors stay the caller's. Returns 0, or -errno with a text that
 * names the field. */
int fastpath_attach(const struct weft_msg_fastpath *m, const int *fds, unsigned int n_fds,
	char text[WEFT_TEXT_SIZE]);
/* The request FASTPATH_PORT. Returns as fastpath_attach. */
int fastpath_tell(const struct weft_msg_fastpath_port *m, char text[WEFT_TEXT_SIZE]);

/* The port in that slot, as it is configured now, may have changed, come, gone, opened or closed.
 */
void fastpath_port(uint16_t slot);
/* Sessions that the tables have room for; 0: there are none. */
uint32_t fastpath_sessions(void);
/* No worker runs any more. The tables stay as they are: the kernel goes on with them. */
void fastpath_fini(void);

#endif
