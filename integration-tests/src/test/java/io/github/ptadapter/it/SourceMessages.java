package io.github.ptadapter.it;

import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ConditionalExpressionTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.ParenthesizedTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The texts in sources that a person may get to see: all of more than one word, and all that are
 * logged, but for what is for debugging, for a mistake of the program, or for no person.
 */
final class SourceMessages extends TreeScanner<Void, Void> {

  /** Stands in a message for what is only known when it is made. */
  static final String GAP = "\0";

  private static final Pattern TWO_WORDS = Pattern.compile("(?s).*\\p{L}{2}.*[ \0].*\\p{L}{2}.*");
  private static final Pattern CONVERSION = Pattern.compile("%[0-9]*[sdx]");
  private static final Set<String> LOGGED = Set.of("error", "warn", "info");
  private static final Set<String> FOR_NO_PERSON = Set.of("debug", "trace", "requireNonNull");

  private final Map<String, String> found = new LinkedHashMap<>();
  private String file = "";
  private boolean reasonsAlone;

  private SourceMessages() {}

  /**
   * Reads the messages of all sources in some folders; of the commands' package alone those that
   * end them, as the others are reports with an advice of their own.
   *
   * @return the messages, each with the file where it stands
   */
  static Map<String, String> in(Path... folders) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path folder : folders) {
      try (Stream<Path> all = Files.walk(folder)) {
        all.filter(path -> path.toString().endsWith(".java")).sorted().forEach(files::add);
      }
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    SourceMessages messages = new SourceMessages();
    try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null, manager, null, null, null, manager.getJavaFileObjectsFromPaths(files));
      for (CompilationUnitTree unit : task.parse()) {
        messages.file = Path.of(unit.getSourceFile().toUri()).getFileName().toString();
        messages.reasonsAlone = String.valueOf(unit.getPackageName()).endsWith(".cli");
        messages.scan(unit, null);
      }
    }
    return messages.found;
  }

  @Override
  public Void visitAnnotation(AnnotationTree annotation, Void unused) {
    return null;
  }

  @Override
  public Void visitNewClass(NewClassTree made, Void unused) {
    return switch (made.getIdentifier().toString()) {
      case "IllegalStateException", "InterruptedException" -> null;
      case "AdapterException" -> reason(made.getArguments());
      default -> super.visitNewClass(made, null);
    };
  }

  @Override
  public Void visitMethodInvocation(MethodInvocationTree call, Void unused) {
    String name = name(call);
    if (FOR_NO_PERSON.contains(name)) {
      return null;
    }
    if (name.equals("formatted")) {
      return text(call);
    }
    if (call.getMethodSelect().toString().equals("AdapterException.config")) {
      return reason(call.getArguments());
    }
    if (LOGGED.contains(name) && call.getMethodSelect().toString().startsWith("log.")) {
      for (String pattern : patterns(call.getArguments().getFirst(), new ArrayList<>())) {
        add(pattern.replace("{}", GAP));
      }
      return scan(call.getArguments().subList(1, call.getArguments().size()), null);
    }
    return super.visitMethodInvocation(call, null);
  }

  @Override
  public Void visitBinary(BinaryTree expression, Void unused) {
    return expression.getKind() == Tree.Kind.PLUS
        ? text(expression)
        : super.visitBinary(expression, null);
  }

  @Override
  public Void visitLiteral(LiteralTree literal, Void unused) {
    return text(literal);
  }

  private Void reason(List<? extends Tree> arguments) {
    boolean before = reasonsAlone;
    reasonsAlone = false;
    scan(arguments, null);
    reasonsAlone = before;
    return null;
  }

  private Void text(ExpressionTree expression) {
    List<Tree> gaps = new ArrayList<>();
    for (String pattern : patterns(expression, gaps)) {
      if (!reasonsAlone && TWO_WORDS.matcher(pattern).matches() && !pattern.contains("\n")) {
        add(pattern);
      }
    }
    return scan(gaps, null);
  }

  private void add(String pattern) {
    if (pattern.chars().anyMatch(Character::isLetter)) {
      found.putIfAbsent(pattern.strip(), file);
    }
  }

  /**
   * All texts that an expression may become.
   *
   * @param gaps gets the parts of it that are no text
   */
  private static List<String> patterns(ExpressionTree expression, List<Tree> gaps) {
    return switch (expression) {
      case LiteralTree literal -> List.of(String.valueOf(literal.getValue()));
      case ParenthesizedTree parenthesized -> patterns(parenthesized.getExpression(), gaps);
      case BinaryTree sum when sum.getKind() == Tree.Kind.PLUS -> {
        List<String> begins = patterns(sum.getLeftOperand(), gaps);
        List<String> ends = patterns(sum.getRightOperand(), gaps);
        yield begins.stream().flatMap(begin -> ends.stream().map(end -> begin + end)).toList();
      }
      case ConditionalExpressionTree choice -> {
        gaps.add(choice.getCondition());
        List<String> both = new ArrayList<>(patterns(choice.getTrueExpression(), gaps));
        both.addAll(patterns(choice.getFalseExpression(), gaps));
        yield both;
      }
      case MethodInvocationTree call when name(call).equals("formatted") -> {
        gaps.addAll(call.getArguments());
        ExpressionTree format = ((MemberSelectTree) call.getMethodSelect()).getExpression();
        yield patterns(format, gaps).stream()
            .map(text -> CONVERSION.matcher(text).replaceAll(GAP))
            .toList();
      }
      default -> {
        gaps.add(expression);
        yield List.of(GAP);
      }
    };
  }

  private static String name(MethodInvocationTree call) {
    return call.getMethodSelect() instanceof MemberSelectTree select
        ? select.getIdentifier().toString()
        : call.getMethodSelect().toString();
  }
}
