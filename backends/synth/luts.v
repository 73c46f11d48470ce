// LUT1 .. LUT6 as logic, for a mapper that shall choose their places itself.
(* techmap_celltype = "LUT1" *)
module _nc_lut1 (I0, O);
  parameter [1:0] INIT = 0;
  input I0;
  output O;
  \$lut #(.WIDTH(1), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I0}), .Y(O));
endmodule

(* techmap_celltype = "LUT2" *)
module _nc_lut2 (I0, I1, O);
  parameter [3:0] INIT = 0;
  input I0, I1;
  output O;
  \$lut #(.WIDTH(2), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I1, I0}), .Y(O));
endmodule

(* techmap_celltype = "LUT3" *)
module _nc_lut3 (I0, I1, I2, O);
  parameter [7:0] INIT = 0;
  input I0, I1, I2;
  output O;
  \$lut #(.WIDTH(3), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I2, I1, I0}), .Y(O));
endmodule

(* techmap_celltype = "LUT4" *)
module _nc_lut4 (I0, I1, I2, I3, O);
  parameter [15:0] INIT = 0;
  input I0, I1, I2, I3;
  output O;
  \$lut #(.WIDTH(4), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I3, I2, I1, I0}), .Y(O));
endmodule

(* techmap_celltype = "LUT5" *)
module _nc_lut5 (I0, I1, I2, I3, I4, O);
  parameter [31:0] INIT = 0;
  input I0, I1, I2, I3, I4;
  output O;
  \$lut #(.WIDTH(5), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I4, I3, I2, I1, I0}), .Y(O));
endmodule

(* techmap_celltype = "LUT6" *)
module _nc_lut6 (I0, I1, I2, I3, I4, I5, O);
  parameter [63:0] INIT = 0;
  input I0, I1, I2, I3, I4, I5;
  output O;
  \$lut #(.WIDTH(6), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I5, I4, I3, I2, I1, I0}), .Y(O));
endmodule
