using Mcp.Archive;
using Mcp.Hostile;
using ZstdSharp.Unsafe;

namespace Mcp.Tests.Archive;

public class ZstdTests
{
    [Test]
    [Arguments(0)]
    [Arguments(2)]
    public async Task What_was_compressed_comes_back_and_memory_is_that_of_a_window(int workers)
    {
        var content = Content(3_000_000);
        using var compressed = new MemoryStream();
        using (var output = ZstdOutput.Open(compressed, workers: workers))
            output.Write(content);
        await Assert.That(compressed.Length).IsLessThan(content.Length);
        await Assert.That(Read(compressed.ToArray()).AsSpan().SequenceEqual(content)).IsTrue();
    }

    [Test]
    public async Task A_level_that_changes_on_the_way_leaves_one_whole_frame()
    {
        var content = Content(20_000_000);
        // Every change there is: the usual level has a table of its own, which comes and goes with it.
        int[] levels = [ZstdOutput.HighestLevel, ZstdOutput.FastLevel, ZstdOutput.DefaultLevel, ZstdOutput.HighestLevel, ZstdOutput.DefaultLevel, ZstdOutput.FastLevel];
        using var compressed = new MemoryStream();
        using (var output = ZstdOutput.Begin(compressed, ZstdOutput.FastLevel, workers: 2))
        {
            for (var at = 0; at < content.Length; at += 1_000_000)
            {
                output.Change(levels[at / 1_000_000 % levels.Length]);
                output.Stream.Write(content.AsSpan(at, 1_000_000));
            }
        }
        await Assert.That(Read(compressed.ToArray()).AsSpan().SequenceEqual(content)).IsTrue();
        // Without workers it stays what it was, and goes on.
        using var alone = ZstdOutput.Begin(new MemoryStream(), ZstdOutput.FastLevel, workers: 0);
        alone.Stream.Write(content.AsSpan(0, 1000));
        alone.Change(ZstdOutput.HighestLevel);
        alone.Stream.Write(content.AsSpan(0, 1000));
        await Assert.That(() => alone.Change(ZstdOutput.HighestLevel + 1)).Throws<ArgumentOutOfRangeException>();
    }

    [Test]
    public async Task The_usual_level_finds_more_than_its_number_with_its_larger_table()
    {
        // Twelve bytes each, in no order, of so many kinds that the places of level 2's own table do not suffice for them.
        var chance = new Random(1);
        var kinds = new byte[60_000 * 12];
        chance.NextBytes(kinds);
        var content = new byte[6_000_000];
        for (var at = 0; at + 12 <= content.Length; at += 12)
            kinds.AsSpan(chance.Next(60_000) * 12, 12).CopyTo(content.AsSpan(at));
        await Assert.That(Compressed(own: false) / Compressed(own: true)).IsGreaterThan(1.03);

        double Compressed(bool own)
        {
            using var bytes = new MemoryStream();
            using (var output = ZstdOutput.Open(bytes))
            {
                if (!own)
                    output.SetParameter(ZSTD_cParameter.ZSTD_c_hashLog, 0);
                output.Write(content);
            }
            return bytes.Length;
        }
    }

    [Test]
    public async Task Several_frames_are_one_stream()
    {
        byte[] both = [.. Frame(Content(1000)), .. Frame([]), .. Frame(Content(2000))];
        await Assert.That(Read(both).Length).IsEqualTo(3000);
    }

    [Test]
    public async Task A_cut_anywhere_is_noticed()
    {
        var whole = Frame(Content(5000));
        for (var length = 0; length < whole.Length; length++)
        {
            if (Refusal(whole[..length]) is null)
                Assert.Fail($"cut after {length} of {whole.Length} bytes, and taken for whole");
        }
        await Assert.That(Refusal(whole)).IsNull();
    }

    [Test]
    public async Task A_flipped_bit_anywhere_is_noticed()
    {
        var whole = Frame(Content(5000));
        var missed = new List<int>();
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            // A bit may be one that the format leaves unused; then the content must be the same.
            if (Refusal(damaged) is null && !Read(damaged).AsSpan().SequenceEqual(Content(5000)))
                missed.Add(bit);
        }
        await Assert.That(missed).IsEmpty();
    }

    [Test]
    public async Task What_could_hide_something_or_needs_too_much_is_refused()
    {
        await Assert.That(Refusal([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])).Contains("skippable");
        await Assert.That(Refusal([.. Frame(Content(10)), 0x51, 0x2a, 0x4d, 0x18, 0, 0, 0, 0])).Contains("skippable");
        await Assert.That(Refusal([.. Frame(Content(10)), 1, 2, 3])).Contains("something after");
        await Assert.That(Refusal([.. Frame(Content(10)), 1, 2, 3, 4, 5, 6, 7])).Contains("something after");
        await Assert.That(Refusal(Frame(Content(10), (ZSTD_cParameter.ZSTD_c_checksumFlag, 0)))).Contains("without a checksum");
        await Assert.That(Refusal(Frame(Content(10), (ZSTD_cParameter.ZSTD_c_windowLog, 24)))).Contains("window of 16 MiB");
        await Assert.That(Refusal([])).Contains("empty");
        await Assert.That(Refusal("no zstd at all"u8.ToArray())).Contains("is no zstd stream");
        // A dictionary's id in the header: the flag says so before anything is decoded.
        await Assert.That(Refusal([0x28, 0xb5, 0x2f, 0xfd, 0x05, 0x58, 0x01, 0, 0])).Contains("dictionary");
    }

    [Test]
    public async Task A_bomb_is_stopped_by_the_reader_long_before_its_end()
    {
        using var compressed = new MemoryStream();
        using (var output = new ZstdSharp.CompressionStream(compressed, 19, leaveOpen: true))
        {
            output.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            output.Write(new TarForge().Folder("./").Entry("bomb", size: TarForge.Octal(1L << 30, 11)).End(marks: 0));
            var zeros = new byte[1 << 20];
            for (var megabyte = 0; megabyte < 64; megabyte++)
                output.Write(zeros);
        }
        using var bench = new ArchiveBench();
        var refusal = "";
        try
        {
            bench.Import(new ZstdInput(new MemoryStream(compressed.ToArray())), new ArchiveLimits { Bytes = 1 << 20 });
        }
        catch (ArchiveException e)
        {
            refusal = e.Message;
        }
        await Assert.That(refusal).Contains("announced or free");
        await Assert.That(Directory.GetFileSystemEntries(bench.Target)).IsEmpty();
    }

    private static byte[] Content(int length)
    {
        var content = new byte[length];
        for (var at = 0; at < length; at++)
            content[at] = (byte)(at % 251 ^ at / 1009);
        return content;
    }

    private static byte[] Frame(byte[] content, params (ZSTD_cParameter Parameter, int Value)[] parameters)
    {
        using var compressed = new MemoryStream();
        using (var output = ZstdOutput.Open(compressed))
        {
            foreach (var (parameter, value) in parameters)
                output.SetParameter(parameter, value);
            output.Write(content);
        }
        return compressed.ToArray();
    }

    private static byte[] Read(byte[] compressed)
    {
        using var content = new MemoryStream();
        using var input = new ZstdInput(new MemoryStream(compressed));
        input.CopyTo(content);
        return content.ToArray();
    }

    private static string? Refusal(byte[] compressed)
    {
        try
        {
            Read(compressed);
            return null;
        }
        catch (ArchiveException e)
        {
            return e.Message;
        }
    }
}
