// What a phone says of itself when it registers: the alarm in REGISTER's Reason header, and the XML
// bodies of REGISTER and REFER. Pure; everything in it comes from outside.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::services::callmanager {

/// ReportedHash is a hash of a trust list as a phone says it has it.
struct ReportedHash {
  std::string parameter;  ///< its name in the alarm
  std::string digest;     ///< "MD5", "SHA-1" or "SHA-256", by its length
  std::string hex;        ///< lower case
};

/// PhoneAlarm is what an alarm said; what it did not say is empty.
struct PhoneAlarm {
  std::string name;           ///< "LastOutOfServiceInformation"
  std::string device;         ///< that it names
  int cause = 0;              ///< its number: "cisco-alarm:25", ReasonForOutOfService
  std::string last_reason;    ///< "Reset-Restart"
  std::string active_load;    ///< the firmware that runs
  std::string inactive_load;  ///< the firmware in its other half
  std::vector<ReportedHash> itl;
  std::string trust_failure;  ///< the phone's words when it refused a trust list

  bool empty() const noexcept;
};

/// alarm_in_reason reads a Reason header's value, as in
/// `SIP;cause=200;text="cisco-alarm:25 Name=SEP001122334455 ActiveLoad=sip88xx.14-1-1
/// InactiveLoad=sip88xx.12-8-1 Last=Initialized"`. Empty when it is none.
PhoneAlarm alarm_in_reason(std::string_view value);

/// alarm_in_body reads `application/x-cisco-alarm+xml`, `application/x-cisco-remotecc-request+xml`
/// and a multipart of them; what it is not, is empty.
///
/// The XML is scanned for named parameters (`<String name="ActiveLoadID">…`, or an element's own
/// name) without regard to how they are nested. At most 64 KiB, 256 parameters of 256 bytes, 32
/// deep and 8 parts; a document type declaration ends the reading, so that there are no entities
/// but XML's own five and numbers below 128.
PhoneAlarm alarm_in_body(std::string_view content_type, std::string_view body);

/// merged returns `first` with what only `second` says.
PhoneAlarm merged(PhoneAlarm first, const PhoneAlarm& second);

}  // namespace ringfence::services::callmanager
