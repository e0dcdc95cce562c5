// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "mellow/data/prepare.h"

namespace mellow {

// The list of datautils.py of TS2Vec (Yue et al., AAAI 2022), sorted by bytes.
bool is_stored_raw(std::string_view ucr_name) {
  static constexpr std::array<std::string_view, 34> names = {"AllGestureWiimoteX",
                                                             "AllGestureWiimoteY",
                                                             "AllGestureWiimoteZ",
                                                             "BME",
                                                             "Chinatown",
                                                             "Crop",
                                                             "EOGHorizontalSignal",
                                                             "EOGVerticalSignal",
                                                             "Fungi",
                                                             "GestureMidAirD1",
                                                             "GestureMidAirD2",
                                                             "GestureMidAirD3",
                                                             "GesturePebbleZ1",
                                                             "GesturePebbleZ2",
                                                             "GunPointAgeSpan",
                                                             "GunPointMaleVersusFemale",
                                                             "GunPointOldVersusYoung",
                                                             "HouseTwenty",
                                                             "InsectEPGRegularTrain",
                                                             "InsectEPGSmallTrain",
                                                             "MelbournePedestrian",
                                                             "PLAID",
                                                             "PickupGestureWiimoteZ",
                                                             "PigAirwayPressure",
                                                             "PigArtPressure",
                                                             "PigCVP",
                                                             "PowerCons",
                                                             "Rock",
                                                             "SemgHandGenderCh2",
                                                             "SemgHandMovementCh2",
                                                             "SemgHandSubjectCh2",
                                                             "ShakeGestureWiimoteZ",
                                                             "SmoothSubspace",
                                                             "UMD"};
  static_assert(std::is_sorted(names.begin(), names.end()));
  return std::binary_search(names.begin(), names.end(), ucr_name);
}

}  // namespace mellow
