%% A small JSON reader and writer for otp_scenarios (OTP 25 has no `json' module).
%%
%%   object <-> map with binary keys      number <-> integer or float
%%   array  <-> list                      true, false, null <-> atoms
%%   string <-> binary (UTF-8)
%%
%% The writer also takes Erlang terms as a supervisor returns them: a tuple becomes an array, any
%% other atom a string. Input is trusted to be JSON: anything else crashes the reader.

-module(scenario_json).

-export([decode/1, encode/1]).

%%% Reading

decode(Text) ->
    {Value, Rest} = value(skip(Text)),
    <<>> = skip(Rest),
    Value.

value(<<"{", Rest/binary>>) -> object(skip(Rest), #{});
value(<<"[", Rest/binary>>) -> array(skip(Rest), []);
value(<<"\"", Rest/binary>>) -> string(Rest);
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<"null", Rest/binary>>) -> {null, Rest};
value(Number) -> number(Number).

object(<<"}", Rest/binary>>, Map) ->
    {Map, Rest};
object(<<",", Rest/binary>>, Map) ->
    object(skip(Rest), Map);
object(<<"\"", Rest/binary>>, Map) ->
    {Key, AfterKey} = string(Rest),
    <<":", AfterColon/binary>> = skip(AfterKey),
    {Value, AfterValue} = value(skip(AfterColon)),
    object(skip(AfterValue), Map#{Key => Value}).

array(<<"]", Rest/binary>>, Values) ->
    {lists:reverse(Values), Rest};
array(<<",", Rest/binary>>, Values) ->
    array(skip(Rest), Values);
array(Text, Values) ->
    {Value, Rest} = value(Text),
    array(skip(Rest), [Value | Values]).

%% The bytes up to the next quote or escape are taken as they are, in one piece.
string(Text) ->
    string(Text, []).

string(Text, Pieces) ->
    Length = plain_length(Text, 0),
    case Text of
        <<Plain:Length/binary, "\"", Rest/binary>> ->
            {iolist_to_binary(lists:reverse(Pieces, [Plain])), Rest};
        <<Plain:Length/binary, "\\", Escape, Rest/binary>> ->
            {Char, AfterEscape} = unescape(Escape, Rest),
            string(AfterEscape, [<<Char/utf8>>, Plain | Pieces])
    end.

plain_length(Text, Length) ->
    case Text of
        <<_:Length/binary, Byte, _/binary>> when Byte =:= $"; Byte =:= $\\ -> Length;
        _ -> plain_length(Text, Length + 1)
    end.

unescape($b, Rest) -> {$\b, Rest};
unescape($f, Rest) -> {$\f, Rest};
unescape($n, Rest) -> {$\n, Rest};
unescape($r, Rest) -> {$\r, Rest};
unescape($t, Rest) -> {$\t, Rest};
unescape($u, <<Hex:4/binary, Rest/binary>>) -> code_point(binary_to_integer(Hex, 16), Rest);
unescape(Char, Rest) when Char =:= $"; Char =:= $\\; Char =:= $/ -> {Char, Rest}.

%% Characters beyond 16 bits come as a surrogate pair.
code_point(High, <<"\\u", Hex:4/binary, Rest/binary>>) when High >= 16#D800, High < 16#DC00 ->
    Low = binary_to_integer(Hex, 16),
    {16#10000 + ((High - 16#D800) bsl 10) + (Low - 16#DC00), Rest};
code_point(Char, Rest) ->
    {Char, Rest}.

number(Text) ->
    Length = number_length(Text, 0),
    <<Digits:Length/binary, Rest/binary>> = Text,
    {number_value(Digits), Rest}.

number_length(Text, Length) ->
    case Text of
        <<_:Length/binary, Byte, _/binary>> when Byte >= $0, Byte =< $9;
                                                 Byte =:= $-; Byte =:= $+; Byte =:= $.;
                                                 Byte =:= $e; Byte =:= $E ->
            number_length(Text, Length + 1);
        _ ->
            Length
    end.

%% Erlang reads no exponent without a fraction: 1e3 is read as 1.0e3.
number_value(Digits) ->
    case {binary:match(Digits, <<".">>), binary:split(Digits, [<<"e">>, <<"E">>])} of
        {nomatch, [Integer]} -> binary_to_integer(Integer);
        {nomatch, [Whole, Exponent]} -> binary_to_float(<<Whole/binary, ".0e", Exponent/binary>>);
        {_, _} -> binary_to_float(Digits)
    end.

skip(<<Byte, Rest/binary>>) when Byte =:= $\s; Byte =:= $\n; Byte =:= $\t; Byte =:= $\r ->
    skip(Rest);
skip(Rest) ->
    Rest.

%%% Writing

encode(Value) when Value =:= true; Value =:= false; Value =:= null -> atom_to_binary(Value);
encode(Value) when is_atom(Value) -> quoted(atom_to_binary(Value));
encode(Value) when is_binary(Value) -> quoted(Value);
encode(Value) when is_integer(Value) -> integer_to_binary(Value);
encode(Value) when is_float(Value) -> float_to_binary(Value, [short]);
encode(Value) when is_list(Value) -> [$[, commas([encode(Item) || Item <- Value]), $]];
encode(Value) when is_tuple(Value) -> encode(tuple_to_list(Value));
encode(Value) when is_map(Value) -> [${, commas([member(Pair) || Pair <- members(Value)]), $}].

%% Sorted, so that the same value is always the same text.
members(Map) ->
    lists:sort(maps:to_list(Map)).

member({Key, Value}) ->
    [encode(Key), $:, encode(Value)].

commas(Items) ->
    lists:join($,, Items).

quoted(Text) ->
    [$", escaped(Text), $"].

escaped(Text) ->
    case needs_escape(Text) of
        false -> Text;
        true -> << <<(escape(Byte))/binary>> || <<Byte>> <= Text >>
    end.

needs_escape(<<Byte, Rest/binary>>) ->
    Byte < $\s orelse Byte =:= $" orelse Byte =:= $\\ orelse needs_escape(Rest);
needs_escape(<<>>) ->
    false.

escape($") -> <<"\\\"">>;
escape($\\) -> <<"\\\\">>;
escape(Byte) when Byte < $\s -> iolist_to_binary(io_lib:format("\\u~4.16.0b", [Byte]));
escape(Byte) -> <<Byte>>.
