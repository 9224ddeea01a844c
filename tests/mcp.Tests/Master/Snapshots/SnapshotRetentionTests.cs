using Mcp.Master.Snapshots;
using Mcp.V1;

namespace Mcp.Tests.Master.Snapshots;

/// <summary>What is kept, as tables: scheduled (s) or manual (m), complete, partial (p) or damaged (x), and how many bytes.</summary>
public class SnapshotRetentionTests
{
    [Test]
    [Arguments("s100 s100 s100", 3, "", "")]
    [Arguments("s100 s100 s100 s100", 3, "1", "")]
    [Arguments("s100 s100 s100 s100 s100", 2, "1 2 3", "")]
    [Arguments("m100 s100 m100 s100 s100", 2, "2", "")]                 // manual ones are apart
    [Arguments("s100 s100p s100p s100p", 2, "2", "")]                   // 1 is the newest complete one
    [Arguments("s100 s100 s100p s100p s100p", 2, "1 3", "")]
    [Arguments("s100 s100 s100x s100x s100", 2, "1", "")]               // damaged ones take no good one's place
    [Arguments("s100x s100 s100x s100p s100p", 1, "1 3 4", "")]         // and none of them is the newest complete one
    [Arguments("s100 s100 s100 s49", 2, "", "3")]                       // under half: nothing goes
    [Arguments("s100 s100 s100 s50", 2, "1 2", "")]
    [Arguments("s100 s100 s100 m49", 2, "1", "")]                       // a person has looked
    [Arguments("s100", 1, "", "")]
    public async Task Table(string all, int retain, string removed, string shrunk)
    {
        var rows = Rows(all);
        var pruning = SnapshotRetention.Judge(rows, rows[^1], "", retain);
        await Assert.That(string.Join(' ', pruning.Remove.Select(r => r.Id).Order())).IsEqualTo(removed);
        await Assert.That(pruning.ShrunkFrom).IsEqualTo(shrunk.Length == 0 ? "" : $"{shrunk}.tar.zst");
    }

    [Test]
    public async Task It_is_held_back_until_a_person_has_looked_or_the_size_is_right_again()
    {
        var rows = Rows("s100 s100 s10 s10");
        await Assert.That(SnapshotRetention.Judge(rows, rows[^1], "2.tar.zst", 1)).IsEquivalentTo(new Pruning([], "2.tar.zst"));
        rows = Rows("s100 s100 s10 s90");
        await Assert.That(SnapshotRetention.Judge(rows, rows[^1], "2.tar.zst", 1).Remove.Count).IsEqualTo(3);
        rows = Rows("s100 s100 s10 m10");
        await Assert.That(SnapshotRetention.Judge(rows, rows[^1], "2.tar.zst", 1).ShrunkFrom).IsEqualTo("");
    }

    [Test]
    public async Task A_clock_that_was_set_back_never_prunes_the_newest()
    {
        var rows = Rows("s100 s100 s100");
        rows[^1] = rows[^1] with { CreatedAt = "1999-01-01T00:00:00Z", Filename = "1999-01-01T00:00:00Z.tar.zst" };
        await Assert.That(SnapshotRetention.Judge(rows, rows[^1], "", 1).Remove.Select(r => r.Id).Order()).IsEquivalentTo([1L, 2L]);
    }

    private static List<SnapshotRow> Rows(string all) =>
    [
        .. all.Split(' ').Select((text, i) => new SnapshotRow
        {
            Id = i + 1,
            Service = "notes",
            Filename = $"{i + 1}.tar.zst",
            Node = "orion",
            SizeBytes = 1,
            FileSha256 = "",
            CreatedAt = $"2026-04-0{i + 1}T00:00:00Z",
            Manual = text[0] == 'm',
            Damage = text[^1] == 'x' ? "cut" : "",
            Trailer = new StreamTrailer { Bytes = ulong.Parse(text.Trim('s', 'm', 'p', 'x'), System.Globalization.CultureInfo.InvariantCulture), Partial = text[^1] == 'p' },
        }),
    ];
}
