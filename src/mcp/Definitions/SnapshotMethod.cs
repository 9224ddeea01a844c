using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>How a running service is asked to make its data ready.</summary>
internal enum SnapshotMethodKind
{
    /// <summary>No method: configuration, certificates and databases only.</summary>
    Absent,

    /// <summary>The whole directory.</summary>
    Full,

    /// <summary>SnapshotService.Snapshot on the component's gRPC route.</summary>
    Grpc,

    /// <summary><c>component snapshot</c> in the container.</summary>
    Cli,

    /// <summary>The words of a command in the container.</summary>
    Exec,
}

/// <summary>The key <c>snapshot.method</c>, parsed.</summary>
/// <param name="Kind">Which method.</param>
/// <param name="Words">For <see cref="SnapshotMethodKind.Exec"/>: the argument list; no shell ever sees it.</param>
internal sealed record SnapshotMethod(SnapshotMethodKind Kind, IReadOnlyList<string> Words)
{
    private const string Prefix = "exec:";

    /// <summary>Whether the method talks to one component.</summary>
    public bool NeedsComponent => Kind is SnapshotMethodKind.Grpc or SnapshotMethodKind.Cli or SnapshotMethodKind.Exec;

    /// <summary>Parses the key's value, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SnapshotMethod? method, [NotNullWhen(false)] out string? problem)
    {
        method = null;
        problem = null;
        SnapshotMethodKind? kind = text switch
        {
            "" => SnapshotMethodKind.Absent,
            "full" => SnapshotMethodKind.Full,
            "grpc" => SnapshotMethodKind.Grpc,
            "cli" => SnapshotMethodKind.Cli,
            _ => null,
        };
        if (kind is { } simple)
            method = new SnapshotMethod(simple, []);
        else if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            problem = $"is \"{text}\"; allowed are \"grpc\", \"cli\", \"full\" and \"exec: <command>\"";
        else if (TrySplit(text[Prefix.Length..], out var words, out problem))
            method = new SnapshotMethod(SnapshotMethodKind.Exec, words);
        return method is not null;
    }

    /// <summary>
    /// Splits a command at blanks; 'single' and "double" quotes keep blanks together, and nothing else is special inside them. What only a shell
    /// could mean is refused outside quotes instead of being handed over as a word: <c>exec: sh -c 'dump | gzip'</c> says it plainly.
    /// </summary>
    private static bool TrySplit(string command, out IReadOnlyList<string> words, [NotNullWhen(false)] out string? problem)
    {
        var result = new List<string>();
        words = result;
        var word = new System.Text.StringBuilder();
        var inWord = false;
        var quote = '\0';
        problem = null;
        foreach (var c in command)
        {
            if (char.IsControl(c) && c != '\t')
                problem ??= "holds a control character";
            if (quote != '\0' && c == quote)
                quote = '\0';
            else if (quote != '\0')
                word.Append(c);
            else if (c is '\'' or '"')
                (quote, inWord) = (c, true);
            else if (c is ' ' or '\t')
            {
                if (inWord)
                    result.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else if (c is '|' or '&' or ';' or '<' or '>' or '`' or '$' or '\\')
                problem ??= $"holds {c} outside quotes; no shell runs this command. Put it in quotes, or write exec: sh -c '…'";
            else
            {
                word.Append(c);
                inWord = true;
            }
        }
        if (quote != '\0')
            problem ??= $"has a quote {quote} that is not closed";
        if (inWord)
            result.Add(word.ToString());
        if (result.Count == 0 || result[0].Length == 0)
            problem ??= "names no command; write exec: <command> <arguments>";
        else if (result[0][0] == '-')
            problem ??= "begins with an option; the first word is the command";
        return problem is null;
    }
}
