/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Profile files and keys: what is meant, what is refused and how it is said, and what no input may
 * do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile.h"
#include "random.h"

static struct profile p;
static char err[PROFILE_ERROR_SIZE];

static int read_text(const char *text)
{
	int r;

	profile_init(&p);
	err[0] = '\0';
	r = profile_read(&p, text, strlen(text), err);
	return r ? r : profile_check(&p, err);
}

static const char full[] =
	"duration: 2.5\n"
	"seed: 42\n"
	"ports: ['net_ring0', \"net_null0,size=64\"]\n"
	"defaults: {flows: 1000, size: 128}\n"
	"streams:\n"
	"  - name: front\n"
	"    rate: 1.5M\n"
	"    order: zipf\n"
	"    skew: 1.2\n"
	"    ip: 6\n"
	"    size: 80:7,570:4,1518:1\n"
	"  - {name: back, tx: 1, rx: 0, background: yes, proto: tcp, tenant: 7,\n"
	"     encap: vxlan, vni: 5000, rate: 10k, full: drop}\n"
	"  - {name: cps, kind: connections, rate: 100k}\n";

static void test_full(void **state)
{
	const struct stream_spec *s = p.streams;

	assert_int_equal(read_text(full), 0);
	assert_true(p.duration == 2.5 && p.seed == 42);
	assert_int_equal(p.n_ports, 2);
	assert_string_equal(p.ports[1], "net_null0,size=64");
	assert_int_equal(p.n_streams, 3);
	assert_string_equal(s[0].name, "front");
	assert_true(s[0].rate == 1.5e6 && s[0].skew == 1.2);
	assert_int_equal(s[0].order, ORDER_ZIPF);
	assert_int_equal(s[0].n_sizes, 3);
	assert_int_equal(s[0].sizes[2].size, 1518);
	assert_int_equal(s[0].sizes[0].weight, 7);
	assert_int_equal(s[0].tx, 0);
	assert_int_equal(s[0].rx, 1);
	assert_int_equal(s[0].flows, 1000);
	assert_int_equal(s[0].src_ports, 1000);
	assert_int_equal(s[1].tenant, 7);
	assert_int_equal(s[1].sizes[0].size, 128);
	assert_int_equal(s[1].encap, ENCAP_VXLAN);
	assert_int_equal(s[1].full, FULL_DROP);
	assert_true(s[1].background);
	assert_int_equal(s[2].proto, STREAM_TCP);
	assert_false(s[2].mark);
	assert_int_equal(s[2].sizes[0].size, 60);
}

/* What is refused, and a part of what is said. */
static const struct {
	const char *text, *says;
} refused[] = {
	{"", "line 1"},
	{"a", "a mapping expected"},
	{"[]", "a mapping expected"},
	{"ports: []\n", "at least one"},
	{"ports: net_null0\n", "line 1: ports: a list"},
	{"ports: [a]\nstreams: {}\n", "line 2: streams: a list"},
	{"ports: [a]\nstreams: [a]\n", "line 2: streams: a mapping"},
	{"ports: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]\n", "at most 16"},
	{"ports: [['a']]\n", "ports: a device expected"},
	{"ports: ['']\n", "1 to 255 characters"},
	{"duration: 0\n", "line 1: duration: 0 is not"},
	{"duration: nan\n", "duration: nan"},
	{"duration: 1e400\n", "duration"},
	{"seed: -1\n", "seed: -1"},
	{"seed: 1.5\n", "seed: 1.5"},
	{"speed: 1\n", "speed: profiles have no such key"},
	{"streams: [{flow: 3}]\n", "line 1: flow: streams have no such key"},
	{"streams: [{flows: 0}]\n", "flows: 0 is not N (1 to 16777216)"},
	{"streams: [{flows: 99999999999999999999}]\n", "flows"},
	{"streams: [{flows: 0x10}]\n", "flows: 0x10"},
	{"streams: [{flows: [1]}]\n", "flows expected"},
	{"streams: [{flows: 1, flows: 2}]\n", "flows: is there twice"},
	{"streams: [{rate: -1}]\n", "rate: -1"},
	{"streams: [{rate: 1Mpps}]\n", "rate: 1Mpps"},
	{"streams: [{rate: inf}]\n", "rate: inf"},
	{"streams: [{size: 59}]\n", "size: 59"},
	{"streams: [{size: 10000}]\n", "size: 10000"},
	{"streams: [{size: '64:0'}]\n", "size: 64:0"},
	{"streams: [{size: '64:200,128:100'}]\n", "size: 64:200,128:100"},
	{"streams: [{size: '64,'}]\n", "size: 64,"},
	{"streams: [{size: '64:1x'}]\n", "size: 64:1x"},
	{"streams: [{size: '1,2,3'}]\n", "size"},
	{"streams: [{ip: 5}]\n", "ip: 5 is not 4|6"},
	{"streams: [{proto: sctp}]\n", "proto: sctp is not udp|tcp|icmp"},
	{"streams: [{mark: maybe}]\n", "mark: maybe"},
	{"streams: [{src_mac: '02:00:00'}]\n", "src_mac"},
	{"streams: [{src_ip: 10.0.0.256}]\n", "src_ip"},
	{"streams: [{name: ''}]\n", "name"},
	{"streams: [{name: \"a\\0b\"}]\n", "zero byte"},
	{"streams: [{name: 'a b'}]\n", "name"},
	{"streams: [{name: abcdefghijklmnopqrstuvwxyz0123456}]\n", "name"},
	{"streams: [{}]\ndefaults: {}\n", "defaults: must stand before"},
	{"streams: [&a {}, *a]\n", "anchors and aliases"},
	{"streams: [*a]\n", "anchors and aliases"},
	{"ports: [a]\n---\nports: [b]\n", "the end of the file expected"},
	{"ports: [\x01]\n", "line 1"},
	{"ports: [\xff]\n", "line 1"},
	{"{[a]: b}\n", "a key expected"},
	/* Values that are wrong together. */
	{"ports: [a]\nstreams: [{tx: 1}]\n", "stream s0: tx: there is no port 1"},
	{"ports: [a]\nstreams: [{rx: 3, name: x}]\n", "stream x: rx: there is no port 3"},
	{"ports: [a]\nstreams: [{tx: none, rx: none}]\n", "tx and rx are none"},
	{"ports: [a]\nstreams: [{ip: 6}]\n", "size: 64: headers and mark need 80"},
	{"ports: [a]\nstreams: [{proto: tcp}]\n", "size: 64: headers and mark need 72"},
	{"ports: [a]\nstreams: [{proto: udp, syn: yes}]\n", "syn: needs proto: tcp"},
	{"ports: [a]\nstreams: [{kind: connections, rx: none}]\n", "connections need tx and rx"},
	{"ports: [a]\nstreams: [{kind: connections, order: zipf}]\n", "order"},
	{"ports: [a]\nstreams: [{src_ip: '::1'}]\n", "different families"},
	{"ports: [a]\nstreams: [{src_ip: '::1', dst_ip: '::2'}]\n", "not of IP version 4"},
	{"ports: [a]\nstreams: [{outer_src_ip: '::1', outer_dst_ip: 1.2.3.4}]\n", "outer_src_ip"},
	{"ports: [a]\nstreams: [{flows: 100, src_ports: 9, src_ips: 11}]\n", "allow 99"},
	{"ports: [a]\nstreams: [{src_port: 65535, src_ports: 2}]\n", "src_ports: 2 from 65535"},
	{"ports: [a]\nstreams: [{dst_ip: 255.255.255.255, dst_ips: 2}]\n", "dst_ips"},
	{"ports: [a]\nstreams: [{vni: 16777215, vnis: 2}]\n", "vnis"},
};

static void test_refused(void **state)
{
	for (unsigned int i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int r = read_text(refused[i].text);

		if (r == 0 || strstr(err, refused[i].says) == NULL)
			fail_msg("%s -> %d %s", refused[i].text, r, err);
	}
}

static void test_too_many(void **state)
{
	static char text[4 << 20];
	size_t n = snprintf(text, sizeof(text), "ports: [a]\nstreams:\n");

	for (int i = 0; i < PROFILE_STREAMS_MAX; i++)
		n += snprintf(text + n, sizeof(text) - n, "- {}\n");
	assert_int_equal(read_text(text), 0);
	assert_true(profile_both_ways(&p, err) < 0);
	snprintf(text + n, sizeof(text) - n, "- {}\n");
	assert_true(read_text(text) < 0);
	assert_non_null(strstr(err, "at most 32"));
	memset(text, ' ', sizeof(text) - 1);
	assert_true(read_text(text) < 0);
	/* Deeper than anything means. */
	memset(text, '[', 10000);
	text[10000] = '\0';
	assert_true(read_text(text) < 0);
}

/* Pieces of good profiles, torn and mixed: anything may come out but a crash, and what is accepted
 * is within bounds. */
static void test_hostile(void **state)
{
	uint64_t seed = 3;
	char text[sizeof(full) + 8];

	for (int round = 0; round < 20000; round++) {
		memcpy(text, full, sizeof(full));
		for (int i = random_next(&seed) % 6; i >= 0; i--) {
			uint64_t r = random_next(&seed);
			size_t at = r % (sizeof(full) - 1), from = (r >> 32) % (sizeof(full) - 1);
			size_t n = r >> 24 & 0xf;

			if (r >> 23 & 1)
				text[at] = r >> 56;
			else if (at + n < sizeof(full) && from + n < sizeof(full))
				memmove(text + at, full + from, n);
		}
		if (read_text(text) < 0) {
			assert_true(err[0] != '\0' && strlen(err) < sizeof(err));
			continue;
		}
		for (uint32_t i = 0; i < p.n_streams; i++) {
			assert_in_range(p.streams[i].flows, 1, PROFILE_FLOWS_MAX);
			assert_in_range(p.streams[i].n_sizes, 1, PROFILE_SIZES_MAX);
			assert_true(p.streams[i].tx < (int)p.n_ports);
		}
	}
}

static void test_both_ways(void **state)
{
	/* From tunnel to tunnel: the answers come from the other VTEP. */
	assert_int_equal(
		read_text("ports: [a, b]\nstreams: [{encap: vxlan, rx_encap: vxlan}]\n"), 0);
	assert_int_equal(profile_both_ways(&p, err), 0);
	assert_true(weft_addr_equal(&p.streams[1].outer_src_ip, &p.streams[0].outer_dst_ip));
	assert_true(weft_addr_equal(&p.streams[1].outer_dst_ip, &p.streams[0].outer_src_ip));
	assert_int_equal(
		read_text("ports: [a, b]\nstreams: [{flows: 50000, rx_encap: vxlan}]\n"), 0);
	assert_int_equal(profile_both_ways(&p, err), 0);
	assert_int_equal(p.n_streams, 2);
	assert_string_equal(p.streams[1].name, "s0-back");
	assert_true(weft_addr_equal(&p.streams[1].outer_src_ip, &p.streams[0].outer_src_ip));
	assert_int_equal(p.streams[1].tx, 1);
	assert_int_equal(p.streams[1].rx, 0);
	assert_int_equal(p.streams[1].dst_ports, p.streams[0].src_ports);
	assert_int_equal(p.streams[1].dst_ips, 4);
	assert_int_equal(p.streams[1].encap, ENCAP_VXLAN);
	assert_memory_equal(&p.streams[1].dst_ip, &p.streams[0].src_ip, 16);
}

/* IPv6 has no room for a mark in 64 bytes; imix gives it. */
static void test_imix(void **state)
{
	assert_int_equal(read_text("ports: [a]\nstreams: [{ip: 6, size: imix}]\n"), 0);
	assert_int_equal(p.streams[0].sizes[0].size, 80);
	assert_int_equal(p.streams[0].sizes[0].weight, 7);
	assert_int_equal(p.streams[0].sizes[2].size, 1514);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_imix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
