// $alu and $lcu as ripple carries: two 3-input functions a bit, which LUT mappers pack better than a prefix tree.
(* techmap_celltype = "$alu" *)
module _nc_ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] CO;
  (* force_downto *) wire [Y_WIDTH-1:0] a_ext, b_ext;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) a_conv (.A(A), .Y(a_ext));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) b_conv (.A(B), .Y(b_ext));
  (* force_downto *) wire [Y_WIDTH-1:0] b_real = BI ? ~b_ext : b_ext;
  (* force_downto *) wire [Y_WIDTH:0] carry;
  assign carry[0] = CI;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    assign X[i] = a_ext[i] ^ b_real[i];
    assign Y[i] = X[i] ^ carry[i];
    assign carry[i + 1] = (a_ext[i] & b_real[i]) | (carry[i] & (a_ext[i] | b_real[i]));
    assign CO[i] = carry[i + 1];
  end endgenerate
endmodule

(* techmap_celltype = "$lcu" *)
module _nc_ripple_lcu (P, G, CI, CO);
  parameter WIDTH = 1;
  (* force_downto *) input [WIDTH-1:0] P, G;
  input CI;
  (* force_downto *) output [WIDTH-1:0] CO;
  (* force_downto *) wire [WIDTH:0] carry;
  assign carry[0] = CI;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    assign carry[i + 1] = G[i] | (P[i] & carry[i]);
    assign CO[i] = carry[i + 1];
  end endgenerate
endmodule

// Sums one by one: Yosys' `alumacc` would merge them into multi-operand adders, which take more LUTs.
(* techmap_celltype = "$add $sub" *)
module _nc_ripple_add (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  parameter _TECHMAP_CELLTYPE_ = "";
  localparam SUBTRACT = _TECHMAP_CELLTYPE_ == "$sub";
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] Y;
  (* force_downto *) wire [Y_WIDTH-1:0] x, co;
  \$alu #(.A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH))
    alu (.A(A), .B(B), .CI(SUBTRACT), .BI(SUBTRACT), .X(x), .Y(Y), .CO(co));
endmodule
