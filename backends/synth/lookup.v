// A table shifted by its address, as `write_verilog` puts a $lut, is a multiplexer. (Yosys' own map of $shr makes a
// module of every table, which takes minutes.)
(* techmap_celltype = "$shr" *)
module _nc_lookup (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] Y;
  wire _TECHMAP_FAIL_ = A_SIGNED || Y_WIDTH != 1 || B_WIDTH > 6 || A_WIDTH > 1 << B_WIDTH;
  wire [(1 << B_WIDTH) - 1:0] entries = A;
  \$bmux #(.WIDTH(1), .S_WIDTH(B_WIDTH)) _TECHMAP_REPLACE_ (.A(entries), .S(B), .Y(Y));
endmodule
