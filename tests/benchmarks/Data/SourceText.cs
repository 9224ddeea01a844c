using System.Text;

namespace Mcp.Benchmarks.Data;

/// <summary>Text that looks to a compressor as a program's source does: few words often, many words seldom, indentation, lines that come again.</summary>
internal sealed class SourceText
{
    private static readonly string[] Frequent =
        ["if", "return", "var", "for", "(", ")", "{", "}", ";", "=", "==", ".", ",", "null", "this", "int", "string", "new", "public", "private", "//", "the", "of", "is", "a"];

    private readonly Random _random;
    private readonly byte[][] _frequent = [.. Frequent.Select(w => Encoding.ASCII.GetBytes(w + " "))];
    private readonly byte[][] _seldom = new byte[20_000][];

    public SourceText(int seed)
    {
        _random = new Random(seed);
        for (var i = 0; i < _seldom.Length; i++)
        {
            var word = new byte[_random.Next(4, 15) + 1];
            for (var c = 0; c < word.Length - 1; c++)
                word[c] = (byte)(c > 0 && _random.Next(7) == 0 ? 'A' + _random.Next(26) : 'a' + _random.Next(26));
            word[^1] = (byte)' ';
            _seldom[i] = word;
        }
    }

    /// <summary>Fills a file's content.</summary>
    public void Fill(Span<byte> into)
    {
        // A file speaks of its own things.
        Span<int> own = stackalloc int[48];
        foreach (ref var word in own)
            word = _random.Next(_seldom.Length);
        int at = 0, line = 0, indent = 0;
        while (at < into.Length)
        {
            if (line <= 0)
            {
                into[at++] = (byte)'\n';
                (line, indent) = (_random.Next(3, 14), Math.Clamp(indent + _random.Next(-1, 2), 0, 6));
                for (var i = 0; i < indent * 4 && at < into.Length; i++)
                    into[at++] = (byte)' ';
            }
            var kind = _random.Next(20);
            var word = kind < 10 ? _frequent[_random.Next(_frequent.Length)] : kind < 18 ? _seldom[own[_random.Next(own.Length)]] : _seldom[_random.Next(_seldom.Length)];
            var length = Math.Min(word.Length, into.Length - at);
            word.AsSpan(0, length).CopyTo(into[at..]);
            at += length;
            line--;
        }
    }
}
