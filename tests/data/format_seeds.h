// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/data/readers.h"

namespace mellow {

// Small well-formed files that together use every feature of a format, and words that matter to its reader.
struct FormatSeeds {
  Format format;
  std::vector<std::string> files, words;
};

inline std::vector<FormatSeeds> format_seeds() {
  const std::vector<std::string> odd = {"NaN",
                                        "?",
                                        "1e39",
                                        "1e-50",
                                        "-0",
                                        "inf",
                                        "1e999999999999",
                                        "+",
                                        "-",
                                        ".",
                                        ",",
                                        ":",
                                        "\t",
                                        " ",
                                        "\n",
                                        "\r\n",
                                        "\r",
                                        "'",
                                        "99999999999999999999999999999",
                                        "\xef\xbb\xbf",
                                        "\xff",
                                        "0.1",
                                        "-7.25e-3"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), odd.begin(), odd.end());
    return words;
  };
  const std::vector<std::string> tsv = {
      "1\t0.5\t-1.25\t3e-2\n2\t1\t2\t3\n1\t4\t5\t6\n", "-1\t1\t2\tNaN\n1\t3\tNaN\tNaN\n10\t4\t5\t6\n",
      "\xef\xbb\xbfwalk\t1\tNaN\t3\r\nrun\t1\t2\t3\r\n", "1\t2\n2\t3\t\n\n1\t4"};
  const std::vector<std::string> txt = {
      "   1.0000000e+00  -5.1841899e-01  -4.8588363e-01\n   2.0000000e+00   1.5e-01   2.5e+00\n",
      "1 2 3\n2\t3,4\n"};
  const std::vector<std::string> csv = {"1,0.5,-1.25,3e-2\n2,1,2,3\n", "a , 1 , 2\r\nb,3,NaN\r\n"};
  const std::vector<std::string> ts = {
      "# text\n@problemName X\n@timeStamps false\n@missing false\n@univariate true\n@equalLength "
      "true\n@seriesLength 3\n"
      "@classLabel true 1 2\n@data\n1,2,3:1\n4,5.5,-6e-1:2\n",
      "@univariate false\n@dimensions 2\n@equalLength false\n@missing true\n@classLabel true a b\n@data\n"
      "1,?,3:4,5,6:a\n7:8:b\n",
      "@timeStamps true\r\n@classLabel true 1\r\n@data\r\n(2007-01-01 00:00:00,1),(2007-01-01 "
      "00:01:00,2):1\r\n",
      "@classLabel false\n@targetLabel false\n@data\n1,2\n3,4\n",
      "@equalLength false\n@seriesLength 5\n@classLabel true 1\n@data\n1,2:1\n1:1\n"};
  const std::vector<std::string> arff = {
      "% text\n@relation 'a b'\n\n@attribute t0 numeric\n@attribute 't 1' REAL\n@attribute target "
      "{1,2}\n@data\n1,2,1\n?,4,'2'\n",
      "@relation X\n@attribute r relational\n@attribute t0 numeric\n@attribute t1 numeric\n@end r\n"
      "@attribute c {u,v}\n@data\n'1,2\\n3,4',u\n\"5,?\\n7,8\",v\n",
      "@relation X\r\n@attribute t0 integer\r\n@data\r\n1\r\n2\r\n"};
  return {{Format::tsv, tsv, odd},
          {Format::txt, txt, odd},
          {Format::csv, csv, odd},
          {Format::ts, ts,
           with({"@data\n", "@dimensions 1000000000000", "@seriesLength 9223372036854775807",
                 "@seriesLength 100000", "@univariate false\n", "@equalLength false\n", "@missing true\n",
                 "@classLabel false\n", "@timeStamps true\n", "@targetLabel true\n", "(0,1)", "(", ")", "#",
                 "true", "false"})},
          {Format::arff, arff,
           with({"@data\n", "@attribute x numeric\n", "@attribute x relational\n", "@end r\n", "{1,2}", "{",
                 "}", "%", "\\n", "\"", "numeric", "string"})}};
}

}  // namespace mellow
