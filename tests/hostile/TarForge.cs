using System.Globalization;
using System.Text;

namespace Mcp.Hostile;

/// <summary>Makes tars byte by byte, right or wrong on purpose: what no honest writer would produce.</summary>
public sealed class TarForge
{
    private readonly List<byte> _bytes = [];

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>A header block and its content, filled up; every field can be given raw.</summary>
    public TarForge Entry(
        string name, char type = '0', string content = "", string link = "", string mode = "0000644\0", string user = "0000000\0", string group = "0000000\0",
        string? size = null, string time = "00000000000\0", string magic = "ustar\u000000", string prefix = "", int checksumOffBy = 0, bool pad = true)
    {
        var block = new byte[512];
        Put(block, 0, 100, name);
        Put(block, 100, 8, mode);
        Put(block, 108, 8, user);
        Put(block, 116, 8, group);
        Put(block, 124, 12, size ?? Octal(content.Length, 11));
        Put(block, 136, 12, time);
        block[156] = (byte)type;
        Put(block, 157, 100, link);
        Put(block, 257, 8, magic);
        Put(block, 345, 155, prefix);
        block.AsSpan(148, 8).Fill((byte)' ');
        Put(block, 148, 8, Octal(block.Sum(b => (int)b) + checksumOffBy, 6) + " ");
        _bytes.AddRange(block);
        return Raw(content, pad);
    }

    /// <summary>A directory.</summary>
    public TarForge Folder(string name) => Entry(name, '5', mode: "0000755\0");

    /// <summary>A symbolic link.</summary>
    public TarForge Link(string name, string target) => Entry(name, '2', link: target);

    /// <summary>A hard link.</summary>
    public TarForge HardLink(string name, string target) => Entry(name, '1', link: target);

    /// <summary>A pax extended header with these records.</summary>
    public TarForge Pax(params (string Key, string Value)[] records) => PaxRaw(string.Concat(records.Select(r => Record(r.Key, r.Value))));

    /// <summary>A pax extended header with this content.</summary>
    public TarForge PaxRaw(string content, char type = 'x', string? size = null) => Entry("./PaxHeaders/x", type, content, size: size);

    /// <summary>A long name or link of GNU tar.</summary>
    public TarForge LongName(char type, string name) => Entry("././@LongLink", type, name + "\0", magic: "ustar  \0");

    /// <summary>These bytes as they are, filled up to a block.</summary>
    public TarForge Raw(string content, bool pad = true)
    {
        _bytes.AddRange(Bytes(content));
        if (pad)
            _bytes.AddRange(new byte[-content.Length & 511]);
        return this;
    }

    /// <summary>What another one made.</summary>
    public TarForge Append(byte[] blocks)
    {
        _bytes.AddRange(blocks);
        return this;
    }

    /// <summary>The archive with its end marks.</summary>
    public byte[] End(int marks = 2)
    {
        _bytes.AddRange(new byte[512 * marks]);
        return [.. _bytes];
    }

    public static string Octal(long value, int digits) => Convert.ToString(value, 8).PadLeft(digits, '0') + "\0";

    public static string Record(string key, string value)
    {
        var rest = key.Length + value.Length + 3;
        var length = rest + 1;
        while (rest + length.ToString(CultureInfo.InvariantCulture).Length != length)
            length++;
        return $"{length} {key}={value}\n";
    }

    private static void Put(byte[] block, int at, int length, string text) => Bytes(text.Length > length ? text[..length] : text).CopyTo(block, at);
}
