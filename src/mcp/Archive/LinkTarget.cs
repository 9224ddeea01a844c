namespace Mcp.Archive;

/// <summary>
/// Where a symbolic link may lead: to something below the service's directory, whatever other links do on the way.
/// <para>
/// A target is accepted when it is relative, its <c>..</c> parts all stand at its beginning, and there are no more of them than directories
/// above the link. That is enough: the directories above a link are real ones (nothing is ever written through a link), so the leading
/// <c>..</c> stay inside; and from there on a path only descends or follows another link that obeys the same rule. A <c>..</c> after a name
/// is refused although it may be harmless: the name may be a link, and then it leads somewhere else than it reads.
/// </para>
/// </summary>
internal static class LinkTarget
{
    /// <summary>What is wrong with the target of the link <paramref name="name"/>, in words that follow the link's name; null: nothing.</summary>
    public static string? Problem(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        if (target.Length == 0)
            return "is a link without a target";
        if (target.Length > ArchiveLimits.PathBytes)
            return $"is a link with a target of {target.Length} bytes; at most {ArchiveLimits.PathBytes} are possible";
        if (target.Contains((byte)0))
            return "is a link with a NUL in its target";
        if (target[0] == (byte)'/')
            return "is a link to an absolute path";
        var above = name.Count((byte)'/');
        var descended = false;
        foreach (var range in target.Split((byte)'/'))
        {
            var part = target[range];
            if (part.Length == 0 || part.SequenceEqual("."u8))
                continue;
            if (!part.SequenceEqual(".."u8))
                descended = true;
            else if (descended)
                return "is a link with '..' after a name in its target, which may lead anywhere";
            else if (--above < 0)
                return "is a link that leaves the service's directory";
        }
        return null;
    }
}
