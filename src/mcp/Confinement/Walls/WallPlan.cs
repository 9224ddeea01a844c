using System.Globalization;

namespace Mcp.Confinement.Walls;

/// <summary>What the first stage is told on its command line: the folders and limits of <see cref="ConfinedFolders"/>, one option each.</summary>
internal static class WallPlan
{
    /// <summary>The hidden verb of the first stage.</summary>
    public const string FirstVerb = "confined";

    /// <summary>The hidden verb of the second one, which works.</summary>
    public const string SecondVerb = "confined-work";

    /// <summary>The folders as arguments of the first stage.</summary>
    public static IReadOnlyList<string> ToArguments(ConfinedFolders folders) =>
    [
        FirstVerb,
        .. folders.Reading.SelectMany(f => (string[])["--read", f]),
        .. folders.Writing.SelectMany(f => (string[])["--write", f]),
        "--memory", Number(folders.Memory),
        "--cpu", Number((long)folders.ProcessorTime.TotalSeconds),
        .. folders.LargestFile is { } largest ? (string[])["--file", Number(largest)] : [],
    ];

    /// <summary>The way back.</summary>
    /// <exception cref="FormatException">Not what <see cref="ToArguments"/> writes.</exception>
    public static ConfinedFolders Parse(ReadOnlySpan<string> arguments)
    {
        List<string> reading = [], writing = [];
        var folders = new ConfinedFolders();
        for (; arguments.Length > 0; arguments = arguments[2..])
        {
            if (arguments.Length < 2)
                throw new FormatException($"{arguments[0]} without a value");
            var value = arguments[1];
            switch (arguments[0])
            {
                case "--read":
                    reading.Add(value);
                    break;
                case "--write":
                    writing.Add(value);
                    break;
                case "--memory":
                    folders = folders with { Memory = Parse(value) };
                    break;
                case "--cpu":
                    folders = folders with { ProcessorTime = TimeSpan.FromSeconds(Parse(value)) };
                    break;
                case "--file":
                    folders = folders with { LargestFile = Parse(value) };
                    break;
                default:
                    throw new FormatException($"unknown option {arguments[0]}");
            }
        }
        return folders with { Reading = reading, Writing = writing };
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static long Parse(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
