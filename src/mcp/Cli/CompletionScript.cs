using System.Text;

namespace Mcp.Cli;

/// <summary>Writes the completion scripts of three shells out of the catalogue of commands.</summary>
internal sealed class CompletionScript(CommandCatalogue catalogue)
{
    /// <summary>For bash 4 and later; needs no bash-completion package.</summary>
    public string ForBash()
    {
        var cases = new StringBuilder();
        foreach (var group in Groups())
            cases.Append($"    \"{group}\") words=\"{string.Join(' ', catalogue.Group(group))}\" ;;\n");
        foreach (var name in catalogue.Names)
            cases.Append($"    \"{name}\"|\"{name} \"*) words=\"{string.Join(' ', Options(name))}\" ;;\n");
        return $$"""
            # mcp completion for bash:  source <(mcp completion bash)
            _mcp() {
              local current="${COMP_WORDS[COMP_CWORD]}" typed="" word words
              for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                case "$word" in -*) ;; *) typed="${typed:+$typed }$word" ;; esac
              done
              case "$typed" in
                "") words="{{string.Join(' ', FirstWords())}} help version" ;;
            {{cases.ToString().TrimEnd('\n')}}
                *) words="" ;;
              esac
              COMPREPLY=($(compgen -W "$words" -- "$current"))
              [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
            }
            complete -F _mcp mcp

            """;
    }

    /// <summary>For zsh, through its own completion of bash scripts: one list to keep true.</summary>
    public string ForZsh() => $"""
        # mcp completion for zsh:  source <(mcp completion zsh)
        autoload -U +X compinit && compinit
        autoload -U +X bashcompinit && bashcompinit
        {ForBash()}
        """;

    /// <summary>For fish, with the descriptions.</summary>
    public string ForFish()
    {
        var script = new StringBuilder("# mcp completion for fish:  mcp completion fish | source\ncomplete -c mcp -f\n");
        foreach (var word in FirstWords())
        {
            var description = catalogue.AllNames.Contains(word) ? catalogue.Shape(word).Description : $"{string.Join(", ", catalogue.Group(word))}";
            script.Append($"complete -c mcp -n __fish_use_subcommand -a {word} -d {Quote(description)}\n");
        }
        foreach (var name in catalogue.Names)
        {
            var words = name.Split(' ');
            var seen = string.Join("; and ", words.Select(w => $"__fish_seen_subcommand_from {w}"));
            if (words.Length == 2)
                script.Append($"complete -c mcp -n '__fish_seen_subcommand_from {words[0]}' -a {words[1]} -d {Quote(catalogue.Shape(name).Description)}\n");
            foreach (var option in catalogue.Shape(name).Options)
            {
                script.Append($"complete -c mcp -n '{seen}' -l {option.Long[2..]}{(option.Short.Length > 0 ? $" -s {option.Short[1..]}" : "")}"
                    + $"{(option.TakesValue ? " -r -F" : "")} -d {Quote(option.Description)}\n");
            }
        }
        return script.ToString();
    }

    private IEnumerable<string> FirstWords() => catalogue.Names.Select(n => n.Split(' ')[0]).Distinct();

    private IEnumerable<string> Groups() => catalogue.Names.Where(n => n.Contains(' ')).Select(n => n.Split(' ')[0]).Distinct();

    private IEnumerable<string> Options(string name) => catalogue.Shape(name).Options.Select(o => o.Long).Concat(CommonOptions.All.Select(o => o.Long)).Append("--help");

    private static string Quote(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";
}
