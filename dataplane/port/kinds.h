/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kinds of port that the library holds, one line each; port.c makes its table of them.
 */
#ifndef PORT_KINDS_H
#define PORT_KINDS_H

#include <port/port.h>

/* X(IDENTIFIER of WEFT_PORT_KINDS, its ops) */
/* clang-format off */
#define PORT_KINDS_BUILT_IN(X) \
	X(VHOST_USER, vhost_user_ops) \
	X(MEMIF, memif_ops) \
	X(ETHDEV, ethdev_ops) \
	X(VETH, veth_ops) \
	X(TAP, tap_ops) \
	X(AF_XDP, af_xdp_ops)
/* clang-format on */

#define PORT_KIND_DECLARE(id, ops) extern const struct port_ops ops;
PORT_KINDS_BUILT_IN(PORT_KIND_DECLARE)
#undef PORT_KIND_DECLARE

#endif
