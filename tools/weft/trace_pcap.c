/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One frame of a capture file, read by libpcap (classic pcap and pcapng).
 */
#include <pcap/pcap.h>

#include "trace.h"

static int frame_of(pcap_t *p, const char *path, uint64_t number, struct json_object *request)
{
	struct pcap_pkthdr *h = NULL;
	const u_char *bytes = NULL;
	int r = 1;

	if (pcap_datalink(p) != DLT_EN10MB)
		return failure("%s: link type %s; only Ethernet can be traced", path,
			pcap_datalink_val_to_name(pcap_datalink(p)) != NULL
				? pcap_datalink_val_to_name(pcap_datalink(p))
				: "unknown");
	for (uint64_t i = 0; i < number && r == 1; i++) {
		r = pcap_next_ex(p, &h, &bytes);
		if (r == PCAP_ERROR_BREAK)
			return failure("%s has %llu packets; there is no number %llu", path,
				(unsigned long long)i, (unsigned long long)number);
	}
	if (r != 1)
		return failure("%s: %s", path, pcap_geterr(p));
	if (h->caplen != h->len)
		return failure("%s: of packet %llu only %u of %u bytes were captured", path,
			(unsigned long long)number, h->caplen, h->len);
	frame_set(request, bytes, h->caplen);
	return CLI_OK;
}

int frame_from_pcap(const char *path, uint64_t number, struct json_object *request)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, error);
	int r;

	if (p == NULL)
		return failure("--pcap: %s", error);
	r = frame_of(p, path, number, request);
	pcap_close(p);
	return r;
}
