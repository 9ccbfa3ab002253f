-- Small texts of instruments for the fuzzer.
return {
  "*RAS_DATA_START\n*RAS_HEADER_START\n*MEAS_COND_AXIS_NAME-0 \"Omega\"\n*MEAS_DATA_COUNT \"2\"\n*RAS_HEADER_END\n"
    .. "*RAS_INT_START\n10.0 7 100.0\n10.5 4 1.0\n*RAS_INT_END\n*RAS_DATA_END\n",
  "*TYPE = Raw\n*GROUP_COUNT = 1\n*BEGIN\n*START = 4\n*STEP = 0.5\n*COUNT = 3\n767, 763\n717\n*END\n",
  "_FILEVERSION=2\n_DRIVE='COUPLED'\n_2THETACOUNTS\n3.0\t187\n3.5\t183\n; 2\n_2THETACOUNTS\n3.0\t1\n3.5\t2\n",
  "SampleIdent,S ,/\nDataAngleRange, 5.0, 6.0,/\nScanStepSize, 0.25,/\nRawScan\n 800, 854, 800,\n 841, 859/\n",
  "title\nBANK 1 2 1 CONST 1000 50 0 0 STD\n     179     180\nBANK 2 2 1 RALF 1 1 ALT\n   32000 1.2500.0100\n",
  "title\nBANK 1 2 2 CONST 1000 50 0 0 FXYE\n1000.0 179.5 2.5\n1050.0 180.5 2.5\n", "10 0.5 12 Al2O3\n1.5 2 3\n4 5\n",
  "D1A\nx\ny\n  4 -1.0 100.0\n -10.0 0.5 -8.5\n 0.8 0.3 0.3 0.7\n 0.1 0.2 0.3 0.4\n",
  "#MeasParameter\n&Time=10.0\t&x=1\n#Values\n&NoValues=4\n0 0 74 37\n0 3.5 75 37\n5 0 70 36\n5 3.5 71 36\n",
  "data_a\n_pd_meas_2theta_range_min 10\n_pd_meas_2theta_range_max 11\n_pd_meas_2theta_range_inc 0.5\n_x\n;\nloop_\n;\n"
    .. "loop_\n_pd_meas_counts_total\n_w\n55(7) 0.1\n60(8) .\n? 0.2\n",
  "data_a\nloop_\n_pd_proc_2theta_corrected\n_pd_meas_intensity_total\n10 5\n10.5 6\n",
  "#Acq. time (s)=\t3\n#AxisType[1]=Spectr\n#AxisUnit[1]=1/cm\n\t\t100.5\t102.5\n-1.5\t2\t57\t58\n-1.5\t3\t59\t60\n",
  "#X\t#Y\t#Wave\t#Intensity\n1\t2\t200.5\t7\n1\t2\t199.5\t8\n1\t3\t200.5\t9\n1\t3\t199.5\t10\n",
  "X-Axis\tM_F(0/0)\tM_F(1/0)\nrel. 1/cm\tCCD cts\tCCD cts\n85\t9\t8\n95\t7\t6\n",
  "[WITEC_TRUEMATCH_ASCII_HEADER]\n[SpectrumHeader]\nSpectrumSize = 2\nXDataKind = nm\n[SpectrumData]\n5\t6\n6\t6\n",
  "//Exported ASCII-File\n[Header]\nSizeGraph = 2\n[Data]\n85.5\t7\n86.5\t8\n",
  "PE FL SPECTRUM ASCII\nx\n#GR\nNM\n%T\n1\n0\n405\n0.5\n2\n#DATA\n405.0\t27.5\n405.5\t26.25\n",
  "a\nBANK 1 5 1 CONS 1000 50 0 0 ESD\n   100.1     2.5   200.2     3.5\n#c\n     300\n",
  "File Version;BWRam\npixel_num;2\nPixel;Wavelength;Raman Shift;Raw data;Dark Subtracted;\n0;785,5;;1;2;\n"
    .. "1;786.5;12.5;3;4,5;\n2;787.5;13.5;3;4;\n",
  "A\nUser: a\nPixels: 2\n>>>>>Begin Data<<<<<\n178,5\t1,5\n179,5\t2\n>>>>>End Data<<<<<\n",
  "//Exported ASCII-File\n[Data]\nX-Axis,a\nnm,CCD cts\n 5.5E+02, 3E+02\n 5.6E+02, 3.5E+02\n",
  "3\n4000\n3999\n1\n2\n4\n0.5\n0.25\n0.75\n", "##NAMES=S\n##RRUFFID=R1\n107.5, 831.5\n108.5, 833.25\n##END=\n",
}
