using ConsoleAppFramework;
using Mcp.Names;
using Mcp.Text;

namespace Mcp.Cli;

/// <summary>
/// Stands before ConsoleAppFramework, which binds arguments well but is too kind for scripts: for an unknown verb, or a verb without its
/// required arguments, it prints help and exits 0; it writes errors to standard output and refuses <c>--opt=value</c>. So here:
/// 1 the options that every command takes are taken out; 2 help is answered; 3 the verb is found or refused with what was probably meant;
/// 4 <c>--opt=value</c> becomes two words; 5 missing and unknown words are refused; 6 the framework binds the rest and runs the command.
/// </summary>
internal sealed class CommandLine(ConsoleApp.ConsoleAppBuilder app, CommandContext context)
{
    private readonly CommandCatalogue _catalogue = new(app);

    /// <summary>Runs what was typed and answers the exit code.</summary>
    public async Task<int> RunAsync(IReadOnlyList<string> typed)
    {
        var words = typed.ToList();
        if (!TakeCommonOptions(words))
            return ExitCode.Error;

        if (words.Count == 0 || words[0] is "-h" or "--help" or "help")
            return Help(words.Skip(1).Where(w => !w.StartsWith('-')).ToList());
        if (words is ["version"])
        {
            context.Out.WriteLine(ProgramVersion.Text);
            return ExitCode.Done;
        }

        // What one does most often with a group goes without its verb: mcp snapshot notes. No service can be called like a verb.
        if (words is ["snapshot", var service, ..] && !service.StartsWith('-') && !_catalogue.Group("snapshot").Contains(service))
            words.Insert(1, "create");
        var name = FindCommand(words);
        if (name is null)
            return RefuseUnknown(words);
        var depth = name.Count(c => c == ' ') + 1;
        if (words.Skip(depth).TakeWhile(w => w != "--").Any(w => w is "-h" or "--help"))
            return Help([name]);

        SplitAssignments(words, depth);
        var shape = _catalogue.Shape(name);
        if (Problem(shape, words.Skip(depth).ToList()) is { } problem)
            return Refuse($"{problem}", $"mcp {name} --help");

        if (shape.Arguments is [.., { Repeats: true }])
            OptionsFirst(shape, words, depth);

        ConsoleApp.ServiceProvider = context;
        ConsoleApp.LogError = message => context.Reporter.Error(message);
        // The roles drain as long as they need; the framework would kill them after five seconds with 130.
        ConsoleApp.Timeout = Timeout.InfiniteTimeSpan;
        Environment.ExitCode = ExitCode.Done;
        await app.RunAsync([.. words]);
        return Environment.ExitCode;
    }

    private bool TakeCommonOptions(List<string> words)
    {
        for (var i = 0; i < words.Count && words[i] != "--";)
        {
            var option = CommonOptions.All.FirstOrDefault(o => words[i] == o.Long || words[i].StartsWith(o.Long + "=", StringComparison.Ordinal));
            if (option is null)
            {
                i++;
                continue;
            }
            var inline = words[i].Length > option.Long.Length;
            var value = inline ? words[i][(option.Long.Length + 1)..] : i + 1 < words.Count ? words[i + 1] : "";
            if (value.Length == 0)
            {
                Refuse($"{option.Long} needs a value", "mcp help");
                return false;
            }
            words.RemoveRange(i, inline ? 1 : 2);
            CommonOptions.Apply(context, option.Long, value);
        }
        return true;
    }

    private string? FindCommand(List<string> words)
    {
        var two = words.Count > 1 ? $"{words[0]} {words[1]}" : null;
        return two is not null && _catalogue.AllNames.Contains(two) ? two : _catalogue.AllNames.Contains(words[0]) ? words[0] : null;
    }

    private int Help(List<string> of)
    {
        var help = new CommandHelp(_catalogue, context.Out);
        var name = string.Join(' ', of.Take(2));
        if (name.Length == 0)
            help.WriteOverview();
        else if (_catalogue.AllNames.Contains(name))
            help.WriteCommand(_catalogue.Shape(name));
        else if (_catalogue.Group(name) is { Count: > 0 })
            help.WriteGroup(name);
        else
            return RefuseUnknown(of);
        return ExitCode.Done;
    }

    private int RefuseUnknown(List<string> words)
    {
        var group = _catalogue.Group(words[0]);
        if (group.Count > 0)
        {
            var choices = string.Join(", ", group);
            if (words.Count == 1 || words[1].StartsWith('-'))
            {
                if (words.Skip(1).Any(w => w is "-h" or "--help"))
                    return Help([words[0]]);
                return Refuse($"mcp {words[0]} needs one of: {choices}", $"mcp help {words[0]}");
            }
            var meant = Suggestion.Nearest(words[1], group);
            return meant is null
                ? Refuse($"mcp {words[0]} has no command '{words[1]}'; it has: {choices}", $"mcp help {words[0]}")
                : Refuse($"mcp {words[0]} has no command '{words[1]}'; did you mean '{meant}'?", $"mcp {words[0]} {meant} --help");
        }
        if (words[0].StartsWith('-'))
            return Refuse($"unknown option '{words[0]}'; the command comes first", "mcp help");
        var nearest = Suggestion.Nearest(words[0], _catalogue.Names.Select(n => n.Split(' ')[0]).Distinct());
        return nearest is null
            ? Refuse($"'{words[0]}' is not a command of mcp", "mcp help")
            : Refuse($"'{words[0]}' is not a command of mcp; did you mean '{nearest}'?", $"mcp help {nearest}");
    }

    private static void SplitAssignments(List<string> words, int from)
    {
        for (var i = from; i < words.Count && words[i] != "--"; i++)
        {
            var equals = words[i].IndexOf('=', StringComparison.Ordinal);
            if (!words[i].StartsWith("--", StringComparison.Ordinal) || equals < 0)
                continue;
            var (option, value) = (words[i][..equals], words[i][(equals + 1)..]);
            words[i] = option;
            words.Insert(++i, value);
        }
    }

    // The framework gives everything after the first word to an argument that repeats, options too.
    private static void OptionsFirst(CommandShape shape, List<string> words, int from)
    {
        var options = new List<string>();
        var others = new List<string>();
        for (var i = from; i < words.Count; i++)
        {
            var option = shape.Options.FirstOrDefault(o => o.Long == words[i] || (o.Short.Length > 0 && o.Short == words[i]));
            (option is null ? others : options).Add(words[i]);
            if (option is { TakesValue: true } && i + 1 < words.Count)
                options.Add(words[++i]);
        }
        words.RemoveRange(from, words.Count - from);
        words.AddRange([.. options, .. others]);
    }

    /// <summary>What is wrong with the words after the verb, or null.</summary>
    private static string? Problem(CommandShape shape, List<string> words)
    {
        var positional = 0;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            var looksLikeOption = word.Length > 1 && word[0] == '-' && !char.IsDigit(word[1]);
            if (!looksLikeOption)
            {
                if (positional++ >= shape.Arguments.Count && shape.Arguments is not [.., { Repeats: true }])
                    return $"mcp {shape.Name} does not take '{Printable.Line(word, 80)}'; usage: {shape.Usage}";
                continue;
            }
            var option = shape.Options.FirstOrDefault(o => o.Long == word || o.Short == word);
            if (option is null)
            {
                var meant = Suggestion.Nearest(word, shape.Options.Select(o => o.Long).Concat(CommonOptions.All.Select(o => o.Long)));
                return $"mcp {shape.Name} has no option '{Printable.Line(word, 80)}'" + (meant is null ? "" : $"; did you mean '{meant}'?");
            }
            if (!seen.Add(option.Long))
                return $"mcp {shape.Name}: {option.Long} is given twice";
            if (option.TakesValue && ++i >= words.Count)
                return $"mcp {shape.Name}: {option.Long} needs a value";
        }
        var missing = shape.Arguments.Skip(positional).FirstOrDefault(a => a.Required);
        if (missing is not null)
            return $"mcp {shape.Name} needs <{missing.Name}>: {missing.Description}";
        var required = shape.Options.FirstOrDefault(o => o.Required && !seen.Contains(o.Long));
        return required is null ? null : $"mcp {shape.Name} needs {required.Long} <{required.Long[2..]}>: {required.Description}";
    }

    private int Refuse(string what, string next)
    {
        context.Reporter.Error(what, next);
        return ExitCode.Error;
    }
}
