-- Small files of JCAMP-DX for the fuzzer, one for each form of table.
local HEAD = "##TITLE= a\n##JCAMP-DX= 5 $$ x\n##DATA TYPE= INFRARED SPECTRUM\n##XUNITS= 1/CM\n##YUNITS= ABSORBANCE\n"
  .. "##XFACTOR= 1\n##YFACTOR= 0.5\n##FIRSTX= 400\n##LASTX= 406\n##NPOINTS= 7\n"

local function file(table) return HEAD .. table .. "\n##END=\n" end

return {
  file "##XYDATA= (X++(Y..Y))\n400 1 2 3. 4e0\n404, -2, ?, 1.0E2",
  file "##XYDATA= (X++(Y..Y))\n400+1+2+3+4\n404-2-4+100",
  file "##XYDATA= (X++(Y..Y))\n400AJU\n403Dok\n405dJ04\n406A00", file "##XYDATA= (X++(Y..Y))\n400,5 0,25 0,5",
  file "##XYPOINTS= (XY..XY)\n1, 4; 2, 8 3 -10", file "##PEAK TABLE= (XYW..XYW)\n3 4 1 1 8 1 2 6 1",
  file "##PEAK ASSIGNMENTS= (XYA)\n(1.5, 2, <CH3>)\n(2.5, , <CH2>)", file "##RADATA= (R++(A..A))\n400 1 2 3",
  "##TITLE= l\n##DATATYPE= LINK\n##BLOCKS= 2\n" .. file("##XYDATA= (X++(Y..Y))\n400AJO"):rep(2) .. "##END=\n",
  "##TITLE= n\n##NTUPLES= NMR FID\n##VAR_NAME= TIME, REAL, IMAG, PAGE\n##SYMBOL= X, R, I, N\n##VAR_DIM= 4, 4, 4, 2\n"
    .. "##UNITS= SECONDS, COUNTS, COUNTS,\n##FACTOR= 0.5, 10, 100, 1\n##FIRST= 0, 10, 500, 1\n##LAST= 1.5, 40, 800, 2\n"
    .. "##PAGE= N=1\n##DATA TABLE= (X++(R..R)), XYDATA\n0AJJJ\n3D\n##PAGE= N=2\n##DATA TABLE= (X++(I..I)), XYDATA\n"
    .. "0EJJJ\n3H\n##END NTUPLES=\n##END=\n",
}
