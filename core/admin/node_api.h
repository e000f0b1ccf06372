// What a shell may ask about the nodes of the cluster: node.*.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/job_api.h"
#include "core/admin/method.h"

namespace ringfence::core::admin {

struct NodeCertificate {
  std::string unit;  ///< "TVS"
  std::string subject;
  std::string serial;
  std::string key;  ///< "RSA 2048", "EC 384"
  std::string not_before;
  std::string not_after;
  std::string sha256;  ///< of the DER
};
BOOST_DESCRIBE_STRUCT(NodeCertificate, (),
                      (unit, subject, serial, key, not_before, not_after, sha256))

struct NodePorts {
  int sip = 0;
  int sips = 0;
  int tvs = 0;
  int capf = 0;
};
BOOST_DESCRIBE_STRUCT(NodePorts, (), (sip, sips, tvs, capf))

struct NodeFacts {
  std::string name;
  std::string role;                    ///< "publisher", "subscriber": here, whatever it is at home
  bool this_node = false;              ///< the one that answers
  std::string domain;                  ///< "" for none
  std::vector<std::string> addresses;  ///< phones are told the first
  NodePorts ports;
  std::vector<std::string> runs;  ///< "callmanager", "tftp", "tvs", "capf"
  std::vector<NodeCertificate> certificates;
  std::string fingerprint;              ///< SHA-256 of the document that exports it, "AB:CD:…"
  std::optional<std::string> imported;  ///< when last; null for this node
};
BOOST_DESCRIBE_STRUCT(NodeFacts, (),
                      (name, role, this_node, domain, addresses, ports, runs, certificates,
                       fingerprint, imported))

/// node.export: `document` is the text that node.import takes on another node (core/trust/README).
struct NodeExport {
  NodeFacts node;
  std::string document;
};
BOOST_DESCRIBE_STRUCT(NodeExport, (), (node, document))

struct NodeList {
  std::vector<NodeFacts> nodes;  ///< this one first
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(NodeList, (), (nodes, warnings))

struct NodeImportRequest {
  std::string content;  ///< the document, in base64
};
BOOST_DESCRIBE_STRUCT(NodeImportRequest, (), (content))

struct NodeRemoveRequest {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(NodeRemoveRequest, (), (name))

/// node.import_plan and node.remove_plan judge and say what will follow, and change nothing.
struct NodePlan {
  NodeFacts node;
  std::string result;                ///< "added", "replaced", "known", "removed"
  std::vector<std::string> changes;  ///< of a replaced node, a sentence each
  bool new_itl = false;              ///< whether the ITL of this node changes
  std::int64_t phones = 0;           ///< known
  std::int64_t phones_reset = 0;     ///< registered now, will be reset to fetch the new files
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
};
BOOST_DESCRIBE_STRUCT(NodePlan, (),
                      (node, result, changes, new_itl, phones, phones_reset, warnings, notes))

/// node.import and node.remove: the change is made and in force, and `job` resets the phones.
struct NodeChanged {
  NodeFacts node;
  std::string result;                   ///< as NodePlan's; "known": nothing has changed
  std::optional<std::string> itl_sha1;  ///< of the new ITL; null when it stays the same
  std::int64_t phones = 0;              ///< known
  /// Null when nothing has changed, and when no phone could be told; then a warning says why.
  std::optional<JobReport> job;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
  /// Services that run and were not told: they go on with the nodes of before; a warning for each.
  std::vector<std::string> untold_services = {};
};
BOOST_DESCRIBE_STRUCT(NodeChanged, (),
                      (node, result, itl_sha1, phones, job, warnings, notes, untold_services))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_NODE_METHODS(METHOD)                            \
  METHOD(node, list, 0, look, Nothing, NodeList)                  \
  METHOD(node, export, 1, look, Nothing, NodeExport)              \
  METHOD(node, import_plan, 4, look, NodeImportRequest, NodePlan) \
  METHOD(node, import, 4, change, NodeImportRequest, NodeChanged) \
  METHOD(node, remove_plan, 4, look, NodeRemoveRequest, NodePlan) \
  METHOD(node, remove, 4, change, NodeRemoveRequest, NodeChanged)
RINGFENCE_NODE_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
