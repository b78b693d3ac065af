#!/bin/sh
# Makes the embedded fonts of the reports again: four TrueType subsets of
# Noto Sans SC and Noto Serif SC (OFL-1.1), each compressed with gzip.
#
#   sans.ttf.gz    Noto Sans SC 400, everyday characters (GB 2312, common names, signs)
#   bold.ttf.gz    Noto Sans SC 700, the same characters
#   title.ttf.gz   Noto Serif SC 700, GB 2312 level 1 and signs (titles of documents)
#   rare.ttf.gz    Noto Sans SC 400, everything else it has up to U+FFFF
#
# sans + rare is the whole font up to U+FFFF; a document that has no rare
# character never loads the second half. Needs python3 (venv) and npm, whose
# registries are whatever this machine is configured with. The result is the
# same bytes every time.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet fonttools==4.60.1
npm pack --silent @expo-google-fonts/noto-sans-sc@0.4.3 @expo-google-fonts/noto-serif-sc@0.4.3 >/dev/null
for family in sans serif; do
	mkdir "$family"
	tar -xzf "expo-google-fonts-noto-$family-sc-0.4.3.tgz" -C "$family" --strip-components=1
done

cat >sets.py <<'PY'
"""Writes the three sets of code points as files for pyftsubset."""
from fontTools.ttLib import TTFont


def gb2312(first, last):
    """Code points of the GB 2312 rows whose lead bytes lie in first..last."""
    found = set()
    for lead in range(first, last + 1):
        for trail in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes([lead, trail]).decode("gb2312")))
            except UnicodeDecodeError:
                pass
    return found


def blocks(*pairs):
    return set().union(*(range(a, b + 1) for a, b in pairs))


# Punctuation, Latin with accents, currency, letterlike signs, arrows,
# operators, enclosed numbers, boxes, shapes, ticks, CJK signs, kana, squared
# units, vertical and fullwidth forms.
signs = gb2312(0xA1, 0xA9) | blocks(
    (0x20, 0x7E), (0xA0, 0x17F), (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x22FF),
    (0x2460, 0x266F), (0x2700, 0x27BF), (0x3000, 0x303F), (0x3200, 0x33FF),
    (0xFE10, 0xFE6F), (0xFF00, 0xFFEF))
# Characters frequent in names of people and firms that GB 2312 lacks.
names = set(map(ord, "喆堃玥昇芃瑄旻珺祎頔犇翀赟昉暐晞曈杋栐桉梓楠榕樾橦沄沚泂浥淏淯湉湜溦滢潆澍濛瀞灏炅炘炜烜焜焱煊煜熠燚"
                    "犖猷玘玠玹珅珈珒珣珩琁琎琤琰瑀瑭璟璠璩瓒畇皛睿矜祐祺禛禹秾竑笙筠粲綦缦翊翯胤芊芮苒苡茗荏荣莳菀菡萱蓁蔺薇"
                    "藜蘅蕤蓥蠡衎裎詠誉讷谌贇轩逯遹邗郗鄢鄯釗鈞鉴銘鋆錕鏸鑫钊钧钰铖铭锟锴镕闫闳阚陞隽霁雯靓靖韫韬顗顥飏馗骁骏鸢麒麟黎黛龑"
                    "堉塬墉夔奕姞娅娉婧媛嫄孛宓寘岚峣峯崑崧嶓嶷巍帏彧彣徉忻怡惔愔懋戬扞拯拴掞揆摛撄敔昀昕昱晔晖晗晟昊啟囯坤"
                    "镓镔镠镥鎏鉱甯冮仝佘邢郄逄阙芈桺"))
everyday = gb2312(0xA1, 0xF7) | signs | names
title = gb2312(0xB0, 0xD7) | signs

has = {c for c in TTFont("sans/400Regular/NotoSansSC_400Regular.ttf").getBestCmap() if c <= 0xFFFF}
for name, wanted in (("everyday", everyday), ("title", title), ("rare", has - everyday)):
    with open(name, "w") as out:
        out.write(",".join(f"{c:X}" for c in sorted(wanted & has)))
PY
venv/bin/python sets.py

subset() { # source, set, result
	venv/bin/pyftsubset "$1" --unicodes-file="$2" --output-file="$3.ttf" \
		--layout-features= --no-layout-closure --no-hinting --notdef-outline --no-recalc-timestamp \
		--drop-tables+=BASE,GDEF,GPOS,GSUB,STAT,vhea,vmtx --name-IDs=0,1,2,3,4,5,6,13,14
	gzip -9n <"$3.ttf" >"$here/$3.ttf.gz"
}
subset sans/400Regular/NotoSansSC_400Regular.ttf everyday sans
subset sans/700Bold/NotoSansSC_700Bold.ttf everyday bold
subset serif/700Bold/NotoSerifSC_700Bold.ttf title title
subset sans/400Regular/NotoSansSC_400Regular.ttf rare rare
{
	echo "Noto Sans SC (sans.ttf.gz, bold.ttf.gz, rare.ttf.gz), subset"
	cat sans/LICENSE_FONT
	printf '\n\n'
	echo "Noto Serif SC (title.ttf.gz), subset"
	cat serif/LICENSE_FONT
} >"$here/OFL.txt"
ls -l "$here"/*.ttf.gz
